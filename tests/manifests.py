"""What `kubectl kustomize` makes of docker/kubernetes, and questions to it."""

from __future__ import annotations

import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

Object: TypeAlias = dict[str, Any]

ROOT: Final = Path(__file__).parents[1]
KUBERNETES: Final = ROOT / "docker" / "kubernetes"
KUBECTL: Final = Path(sysconfig.get_path("scripts")) / "kubectl"


def render(folder: Path) -> list[Object]:
    """The objects of one kustomization."""
    done = subprocess.run(
        [KUBECTL, "kustomize", folder], check=False, capture_output=True, text=True, timeout=120
    )
    # Warnings too: kustomize writes them for what it will drop.
    assert (done.returncode, done.stderr) == (0, "")
    return list(yaml.safe_load_all(done.stdout))


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    """Those of the kinds."""
    return [found for found in objects if found["kind"] in kinds]


def named(objects: list[Object], kind: str, name: str) -> Object:
    """The one of that kind and name."""
    (found,) = [o for o in of_kind(objects, kind) if o["metadata"]["name"] == name]
    return found


def label(found: Object) -> str:
    """Kind and name."""
    return f"{found['kind']} {found['metadata']['name']}"


def pod_of(deployment: Object) -> Object:
    """A Deployment's pod specification."""
    spec: Object = deployment["spec"]["template"]["spec"]
    return spec


def containers(pod: Object) -> Iterator[Object]:
    """Those that start first, too."""
    yield from pod.get("initContainers", [])
    yield from pod["containers"]


def selected(deployments: list[Object], selector: dict[str, str]) -> list[Object]:
    """The Deployments whose pods carry all labels of the selector."""
    return [
        deployment
        for deployment in deployments
        if selector.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    ]


def ports_of(deployment: Object) -> dict[str, int]:
    """A pod's named ports."""
    found = [port for c in containers(pod_of(deployment)) for port in c.get("ports", [])]
    return {port["name"]: port["containerPort"] for port in found}
