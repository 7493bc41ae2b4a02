"""docker/kubernetes renders to objects that Kubernetes' schemas know and our policy allows.

What no schema here knows (the Prometheus operator's kinds) is compared by hand with its documented
fields. No cluster is asked.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import pytest
import yaml

import make_rules
from manifest_policy import violations
from manifests import KUBERNETES, ROOT, Object, label, named, of_kind, pod_of, render
from promql import exposed, metrics_of, rules

OVERLAYS: Final = ("cpu", "gpu", "canary")
VERSIONS: Final = ("1.30", "1.34", "1.37")
OPERATOR: Final = "monitoring.coreos.com/v1"
RENDERED: Final = {name: render(KUBERNETES / "overlays" / name) for name in OVERLAYS}
DOCKER: Final = ROOT / "docker"
DIGEST: Final = f"sha256:{64 * '0'}"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """What docker/prepare makes of docker/, elsewhere, with every component."""
    docker = tmp_path / "docker"
    for part in ("gateway", "kubernetes"):
        shutil.copytree(DOCKER / part, docker / part)
    folder = docker / "site"
    shutil.copytree(docker / "gateway" / "site", folder / "gateway")
    (folder / "gateway" / "hosts.map").write_text("affect.example.org 1;\n")
    for file in ("tls/certificate.pem", "tls/key.pem", "probe/clip.mp4", "probe/expected.json"):
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text("stands in")
    text = (docker / "kubernetes" / "site.yaml").read_text()
    for line in ("components:", "  - {name: affect-probe"):
        assert f"# {line.lstrip()}" in text
    text = text.replace("# components:", "components:").replace(
        "# - {name: affect-p", "- {name: affect-p"
    )
    (folder / "kustomization.yaml").write_text(text)
    return folder


def valid(found: Object, version: str) -> None:
    kubernetes_validate.validate(found, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_objects_are_what_the_schemas_say(overlay: str, version: str) -> None:
    known = [found for found in RENDERED[overlay] if found["apiVersion"] != OPERATOR]
    assert len(known) >= 5
    for found in known:
        valid(found, version)


def test_the_schemas_catch_a_field_that_is_not_there() -> None:
    wrong = copy.deepcopy(named(RENDERED["cpu"], "Deployment", "affect"))
    pod_of(wrong)["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readinesProbe"):
        valid(wrong, VERSIONS[-1])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_objects_keep_to_the_policy(overlay: str) -> None:
    assert violations(RENDERED[overlay]) == []


def test_what_prepare_writes_renders_with_every_component(site: Path) -> None:
    objects = render(site)
    assert violations(objects) == []
    for found in objects:
        if found["apiVersion"] != OPERATOR:
            valid(found, VERSIONS[-1])
    settings = named(objects, "ConfigMap", "affect-gateway-site")["data"]
    assert settings["hosts.map"] == "affect.example.org 1;\n"
    assert settings["listen.conf"] == (DOCKER / "gateway/site/listen.conf").read_text()
    assert settings["replicas.conf"].endswith("include /tmp/replicas.conf;\n")
    secrets = {
        found["metadata"]["name"]: set(found["data"]) for found in of_kind(objects, "Secret")
    }
    assert secrets == {
        "affect-gateway-keys": {"keys.map"},
        "affect-gateway-tls": {"tls.crt", "tls.key"},
        "affect-probe": {"clip.mp4", "expected.json"},
    }
    pod = pod_of(named(objects, "Deployment", "affect"))
    assert "initContainers" not in pod
    claim = {"claimName": "affect-model-store", "readOnly": True}
    assert {"name": "model-store", "persistentVolumeClaim": claim} in pod["volumes"]


def service(objects: list[Object]) -> Object:
    found: Object = pod_of(named(objects, "Deployment", "affect"))["containers"][0]
    return found


def policy(objects: list[Object], name: str) -> Object:
    found: Object = named(objects, "NetworkPolicy", name)["spec"]
    return found


def rule(objects: list[Object]) -> Object:
    found: Object = policy(objects, "affect")["ingress"][0]
    return found


def rollout(objects: list[Object]) -> Object:
    found: Object = objects[-1]["spec"]["strategy"]["rollingUpdate"]
    return found


def disruption(objects: list[Object]) -> Object:
    found: Object = named(objects, "PodDisruptionBudget", "affect")["spec"]
    return found


BREAKS: Final[dict[str, Callable[[list[Object]], Any]]] = {
    "may run as root": lambda o: pod_of(o[-1])["securityContext"].pop("runAsNonRoot"),
    "has no seccomp profile": lambda o: pod_of(o[-1])["securityContext"].pop("seccompProfile"),
    "mounts a token": lambda o: pod_of(o[-1]).pop("automountServiceAccountToken"),
    "gets AFFECT_PORT": lambda o: pod_of(o[-1]).pop("enableServiceLinks"),
    "shares the host's": lambda o: pod_of(o[-1]).update(hostNetwork=True),
    "of another kind": lambda o: pod_of(o[-1])["volumes"].append({"name": "x", "hostPath": {}}),
    "without a size": lambda o: pod_of(o[-1])["volumes"][0].update(emptyDir={}),
    "writes to its image": lambda o: service(o)["securityContext"].pop("readOnlyRootFilesystem"),
    "may gain": lambda o: service(o)["securityContext"].pop("allowPrivilegeEscalation"),
    "has capabilities": lambda o: service(o)["securityContext"].pop("capabilities"),
    "has no limits": lambda o: service(o)["resources"].pop("limits"),
    "has no requests": lambda o: service(o)["resources"]["requests"].pop("cpu"),
    "has no version: affectline": lambda o: service(o).update(image="affectline"),
    "has no version: a:latest": lambda o: service(o).update(image="a:latest"),
    "mounts what is not": lambda o: service(o)["volumeMounts"].append({"name": "nothing"}),
    "has no liveness": lambda o: service(o).pop("livenessProbe"),
    "before it is left": lambda o: service(o)["livenessProbe"].update(periodSeconds=1),
    "at a port that is": lambda o: service(o)["readinessProbe"].update(tcpSocket={"port": "x"}),
    "refuses connections": lambda o: service(o).pop("lifecycle"),
    "before it has drained": lambda o: pod_of(o[-1]).update(terminationGracePeriodSeconds=300),
    "takes replicas away": lambda o: rollout(o).update(maxUnavailable=1),
    "that an autoscaler sets": lambda o: o[-1]["spec"].update(replicas=2),
    "selects no pod": lambda o: named(o, "Service", "affect")["spec"]["selector"].update(a="b"),
    "selects every pod": lambda o: disruption(o).update(selector={}),
    "port that is not there: metrics": lambda o: service(o)["ports"].pop(),
    "opens 8081 to 8081": lambda o: rule(o).update(ports=[{"port": 8081}]),
    "opens 8080 to 8085": lambda o: rule(o)["ports"][0].update(endPort=8085),
    "opens 1 to 65535": lambda o: rule(o).pop("ports"),
    "lets everybody in": lambda o: rule(o).pop("from"),
    "lets the service call": lambda o: policy(o, "affect").update(egress=[]),
    "nothing denies": lambda o: policy(o, "default-deny").update(policyTypes=["Ingress"]),
    "is not in affectline": lambda o: o[-1]["metadata"].update(namespace="default"),
    "does not enforce": lambda o: named(o, "Namespace", "affectline")["metadata"]["labels"].clear(),
}  # fmt: skip


@pytest.mark.parametrize("sentence", BREAKS)
def test_the_policy_catches_what_is_broken(sentence: str) -> None:
    objects = copy.deepcopy(RENDERED["cpu"])
    objects.sort(key=lambda found: label(found) == "Deployment affect")
    BREAKS[sentence](objects)
    assert [text for text in violations(objects) if sentence in text], violations(objects)


def test_a_base_without_an_overlay_names_no_version_and_is_refused() -> None:
    assert any("has no version" in text for text in violations(render(KUBERNETES / "base")))


def test_the_gpu_overlay_asks_for_one_and_for_the_image_made_for_it() -> None:
    container = service(RENDERED["gpu"])
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert container["image"].endswith("-gpu")
    assert "nvidia" not in str(RENDERED["cpu"])


def test_kubernetes_waits_for_the_drain_of_the_image_and_asks_as_the_image_does() -> None:
    container = service(RENDERED["cpu"])
    image = (DOCKER / "Dockerfile").read_text()
    drain = {e["name"]: e["value"] for e in container["env"]}["AFFECT_DRAIN_S"]
    assert f"AFFECT_DRAIN_S={drain}" in image
    for kind in ("startup", "readiness", "liveness"):
        command = container[f"{kind}Probe"]["exec"]["command"]
        assert f"CMD {command}".replace("'", '"') in image
    user = pod_of(named(RENDERED["cpu"], "Deployment", "affect"))["securityContext"]
    assert f"USER {user['runAsUser']}:{user['runAsGroup']}" in image


def test_the_canary_touches_nothing_of_the_version_that_serves() -> None:
    assert not {label(o) for o in RENDERED["canary"]} & {label(o) for o in RENDERED["cpu"]}
    both = [*RENDERED["cpu"], *RENDERED["canary"]]
    pods = named(both, "Deployment", "affect-canary")["spec"]["template"]["metadata"]["labels"]
    for found in of_kind(RENDERED["cpu"], "Service", "PodDisruptionBudget"):
        wanted = found["spec"]["selector"]
        assert not wanted.get("matchLabels", wanted).items() <= pods.items(), label(found)
    meant = policy(both, "affect")["podSelector"]["matchLabels"]
    assert meant.items() <= pods.items()


def test_a_canary_of_the_site_s_own_images_renders(site: Path) -> None:
    folder = site / "canary"
    folder.mkdir()
    images = [
        {"name": f"registry.example.org/{name}", "newName": f"r/{name}", "digest": DIGEST}
        for name in ("affectline", "affectline-archive")
    ]
    text = {"resources": ["../../kubernetes/overlays/canary"], "images": images}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(text))
    objects = render(folder)
    assert violations(objects) == []
    pod = pod_of(named(objects, "Deployment", "affect-canary"))
    assert pod["containers"][0]["image"] == f"r/affectline@{DIGEST}"


def test_rules_are_prometheus_own() -> None:
    assert make_rules.WRITTEN.read_text(encoding="utf-8") == make_rules.text(), "make metrics"
    spec = named(RENDERED["cpu"], "PrometheusRule", "affect")["spec"]
    written = [found for group in spec["groups"] for found in group["rules"]]
    assert written == [*rules("alerts.yml"), *rules("recording.yml")]


def test_the_prometheus_operator_s_objects_have_what_it_documents() -> None:
    monitor = named(RENDERED["cpu"], "ServiceMonitor", "affect")["spec"]
    assert set(monitor) == {"jobLabel", "selector", "endpoints"}
    job = named(RENDERED["cpu"], "Service", "affect-replicas")["metadata"]["labels"]
    assert 'job="affect"' in str(rules("alerts.yml"))
    assert job[monitor["jobLabel"]] == "affect"
    for group in named(RENDERED["cpu"], "PrometheusRule", "affect")["spec"]["groups"]:
        assert {"name", "rules"} <= set(group) <= {"name", "rules", "interval"}


def test_the_autoscaler_asks_for_what_the_adapter_makes_of_metrics_that_exist() -> None:
    values = yaml.safe_load((KUBERNETES / "components/autoscaling/adapter-values.yaml").read_text())
    made = values["rules"]["external"]
    tried = (DOCKER / "prometheus/tests/scaling.test.yml").read_text()
    scaler = named(RENDERED["cpu"], "HorizontalPodAutoscaler", "affect")["spec"]
    asked = [metric["external"]["metric"]["name"] for metric in scaler["metrics"]]
    assert asked == [found["name"]["as"] for found in made]
    for found in made:
        series = found["seriesQuery"].removeprefix('{__name__="').removesuffix('"}')
        assert metrics_of(found["metricsQuery"]) | {series} <= exposed()
        assert f"- expr: {found['metricsQuery']}\n" in tried
