"""What must hold of every set of Kubernetes objects; each check yields what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from manifests import Object, containers, label, of_kind, pod_of, ports_of, selected

NAMESPACE: Final = "affectline"
_PROMETHEUS: Final = ("ServiceMonitor", "PodMonitor", "PrometheusRule")
_VOLUMES: Final = {"emptyDir", "configMap", "secret", "projected", "persistentVolumeClaim"}
_OPENED: Final = {"affect": {8080, 8082}, "affect-gateway": {8443}, "affect-probe": {9188}}
_CALLED: Final = {53, 8080}
_STOPPING_S: Final = 30
"""TorchServe's own end, after the drain (affect_serving.server)."""


def violations(objects: list[Object]) -> list[str]:
    """All of them."""
    return [f"{check.__name__}: {text}" for check in CHECKS for text in check(objects)]


def namespaces(objects: list[Object]) -> Iterator[str]:
    """Everything lives in one, which admits nothing unrestricted."""
    for found in objects:
        if found["kind"] == "Namespace":
            if (
                found["metadata"]["labels"].get("pod-security.kubernetes.io/enforce")
                != "restricted"
            ):
                yield f"{label(found)} does not enforce restricted"
        elif found["metadata"].get("namespace") != NAMESPACE:
            yield f"{label(found)} is not in {NAMESPACE}"


def restricted_pods(objects: list[Object]) -> Iterator[str]:
    """The pod security standard `restricted`, and no token of the API."""
    for deployment in of_kind(objects, "Deployment"):
        pod, where = pod_of(deployment), label(deployment)
        context = pod.get("securityContext", {})
        if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
            yield f"{where} may run as root"
        if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{where} has no seccomp profile"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{where} mounts a token"
        if pod.get("enableServiceLinks") is not False:
            yield f"{where} gets AFFECT_PORT from a Service"
        if set(pod) & {"hostNetwork", "hostPID", "hostIPC"}:
            yield f"{where} shares the host's namespaces"
        for volume in pod["volumes"]:
            if not set(volume) - {"name"} <= _VOLUMES:
                yield f"{where} has a volume of another kind: {volume['name']}"
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{where} has a volume without a size: {volume['name']}"
    for account in of_kind(objects, "ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield f"{label(account)} mounts a token"


def closed_containers(objects: list[Object]) -> Iterator[str]:
    """Nothing to write to, nothing to gain, bounded, and of a stated version."""
    for deployment in of_kind(objects, "Deployment"):
        pod = pod_of(deployment)
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in containers(pod):
            where = f"{label(deployment)}, {container['name']}"
            context = container.get("securityContext", {})
            if context.get("readOnlyRootFilesystem") is not True:
                yield f"{where} writes to its image"
            if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
                yield f"{where} may gain privileges"
            if context.get("capabilities") != {"drop": ["ALL"]}:
                yield f"{where} has capabilities"
            resources = container.get("resources", {})
            for bound in ("requests", "limits"):
                if not {"cpu", "memory"} <= set(resources.get(bound, {})):
                    yield f"{where} has no {bound} of cpu and memory"
            if not re.search(r"(:(?!latest$)[\w.-]+|@sha256:[0-9a-f]{64})$", container["image"]):
                yield f"{where} has no version: {container['image']}"
            if not {mount["name"] for mount in container["volumeMounts"]} <= volumes:
                yield f"{where} mounts what is not there"


def probes(objects: list[Object]) -> Iterator[str]:
    """Whoever listens is asked, by ports that exist; patience grows from ready to alive."""
    for deployment in of_kind(objects, "Deployment"):
        for container in pod_of(deployment)["containers"]:
            if not container.get("ports"):
                continue
            where = f"{label(deployment)}, {container['name']}"
            asked = {kind: container.get(f"{kind}Probe") for kind in ("readiness", "liveness")}
            for kind, probe in asked.items():
                if probe is None:
                    yield f"{where} has no {kind} probe"
                elif probe.get("tcpSocket", {}).get("port", "") not in {"", *ports_of(deployment)}:
                    yield f"{where} is asked at a port that is not there"
            patience = [
                probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
                for probe in asked.values()
                if probe is not None
            ]
            if patience != sorted(set(patience)):
                yield f"{where} is killed before it is left alone"


def stopping(objects: list[Object]) -> Iterator[str]:
    """A new one before the old one goes, and time for what the old one has."""
    for deployment in of_kind(objects, "Deployment"):
        where, pod = label(deployment), pod_of(deployment)
        for container in pod["containers"]:
            environment = {e["name"]: e["value"] for e in container.get("env", [])}
            if "AFFECT_DRAIN_S" not in environment:
                continue
            if deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] != 0:
                yield f"{where} takes replicas away before there are others"
            command = container.get("lifecycle", {}).get("preStop", {}).get("exec", {})
            slept = float((command.get("command") or ["sleep", "0"])[1])
            if not slept:
                yield f"{where} refuses connections while it is still being sent some"
            needed = slept + float(environment["AFFECT_DRAIN_S"]) + _STOPPING_S
            if pod["terminationGracePeriodSeconds"] < needed:
                yield f"{where} is killed before it has drained"


def selectors(objects: list[Object]) -> Iterator[str]:
    """What selects, selects something, and only default-deny everything."""
    deployments = of_kind(objects, "Deployment")
    for found in objects:
        spec = found.get("spec", {})
        match found["kind"]:
            case "Service":
                wanted = spec.get("selector")
            case "Deployment" | "PodDisruptionBudget" | "PodMonitor":
                wanted = spec["selector"].get("matchLabels")
            case "NetworkPolicy" if found["metadata"]["name"] != "default-deny":
                wanted = spec["podSelector"].get("matchLabels")
            case _:
                continue
        if not wanted:
            yield f"{label(found)} selects every pod"
        elif not selected(deployments, wanted):
            yield f"{label(found)} selects no pod"
    for scaler in of_kind(objects, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]["name"]
        for deployment in deployments:
            if deployment["metadata"]["name"] == target and "replicas" in deployment["spec"]:
                yield f"{label(deployment)} has replicas that an autoscaler sets"
        if target not in {deployment["metadata"]["name"] for deployment in deployments}:
            yield f"{label(scaler)} scales nothing"


def ports(objects: list[Object]) -> Iterator[str]:
    """Every name of a port is one that the pods or Services behind it have."""
    deployments = of_kind(objects, "Deployment")
    services = of_kind(objects, "Service")
    for service in services:
        for deployment in selected(deployments, service["spec"]["selector"]):
            for port in service["spec"]["ports"]:
                if port["targetPort"] not in ports_of(deployment):
                    yield f"{label(service)} names a port that is not there: {port['targetPort']}"
    for monitor in of_kind(objects, "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        behind = [s for s in services if wanted <= s["metadata"]["labels"].items()]
        exposed = {port["name"] for service in behind for port in service["spec"]["ports"]}
        if not {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]} <= exposed:
            yield f"{label(monitor)} names a port that is not there"
    for monitor in of_kind(objects, "PodMonitor"):
        for deployment in selected(deployments, monitor["spec"]["selector"]["matchLabels"]):
            for endpoint in monitor["spec"]["podMetricsEndpoints"]:
                if endpoint["port"] not in ports_of(deployment):
                    yield f"{label(monitor)} names a port that is not there"


def network(objects: list[Object]) -> Iterator[str]:
    """All is denied, and what is opened are the ports that are known to be meant."""
    policies = of_kind(objects, "NetworkPolicy")
    if not policies:
        return
    denied = [p for p in policies if p["spec"]["podSelector"] == {} and not set(p["spec"]) & WAYS]
    if not denied or sorted(denied[0]["spec"]["policyTypes"]) != ["Egress", "Ingress"]:
        yield "nothing denies what no policy names"
    for policy in policies:
        about = policy["spec"]["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/name")
        for way in sorted(WAYS & set(policy["spec"])):
            allowed = _CALLED if way == "egress" else _OPENED.get(about, set())
            if way == "egress" and about == "affect":
                yield f"{label(policy)} lets the service call somebody"
            for rule in policy["spec"][way]:
                for port in rule.get("ports") or [{"port": 1, "endPort": 65535}]:
                    opened = range(
                        port.get("port", 1), port.get("endPort", port.get("port", 1)) + 1
                    )
                    if not set(opened) <= allowed:
                        yield f"{label(policy)} opens {opened.start} to {opened.stop - 1} ({way})"
                if way == "ingress" and about != "affect-gateway" and not rule.get("from"):
                    yield f"{label(policy)} lets everybody in"


WAYS: Final = {"ingress", "egress"}
CHECKS: Final[tuple[Callable[[list[Object]], Iterator[str]], ...]] = (
    namespaces, restricted_pods, closed_containers, probes, stopping, selectors, ports, network,
)  # fmt: skip
