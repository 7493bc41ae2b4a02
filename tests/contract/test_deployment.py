"""The files below docker/ agree with the service, the contract and each other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from affect_client import wire
from affect_serving.settings import ServingSettings

DOCKER: Final = Path(__file__).parents[2] / "docker"
GATEWAY: Final = DOCKER / "gateway"
NGINX: Final = (GATEWAY / "nginx.conf").read_text(encoding="utf-8")
PROBLEMS: Final = (GATEWAY / "problems.conf").read_text(encoding="utf-8")
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
OURS: Final = ("affect-cpu", "affect-gpu", "gateway")


def problems() -> dict[str, wire.Problem]:
    """Of the gateway, by code."""
    bodies = re.findall(r"return (\d+) '(.+)';", PROBLEMS)
    read = [(int(status), wire.Problem.model_validate_json(body)) for status, body in bodies]
    assert [status for status, _ in read] == [problem.status for _, problem in read]
    assert all(problem == wire.Problem.of(problem.code, problem.detail) for _, problem in read)
    return {problem.code: problem for _, problem in read}


def test_the_gateway_s_problems_are_the_contract_s() -> None:
    found = problems()
    assert set(found) == wire.GATEWAY_CODES | {"body_too_large", "overloaded"}
    for problem in found.values():
        assert len(problem.detail.split()) >= 4


def test_the_gateway_s_image_has_the_document_that_it_serves() -> None:
    assert "\nCOPY docs/openapi.json /etc/nginx/\n" in (GATEWAY / "Dockerfile").read_text()
    assert "\n!docs/openapi.json\n" in (DOCKER.parent / ".dockerignore").read_text()
    assert "alias /etc/nginx/openapi.json;" in NGINX


def test_every_problem_is_led_to_and_carries_the_request_s_id() -> None:
    led = re.findall(r"^error_page [0-9 =]+ (\S+);", PROBLEMS, re.MULTILINE)
    assert sorted(led) == sorted(re.findall(r"^location (?:= )?(\S+) {", PROBLEMS, re.MULTILINE))
    assert PROBLEMS.count("add_header X-Request-Id $id always;") == len(led)
    for code in ("too_many_requests", "bad_gateway", "overloaded"):
        block = PROBLEMS[: PROBLEMS.index(f'"{code}"')].rpartition("location")[2]
        assert "add_header Retry-After" in block


def test_the_gateway_takes_what_the_service_takes() -> None:
    limits = (GATEWAY / "site/limits.conf").read_text()
    (size,) = re.findall(r"client_max_body_size (\d+)m;", limits)
    assert int(size) << 20 == ServingSettings().max_body_bytes
    assert f"{size} MiB" in problems()["body_too_large"].detail


def test_the_gateway_waits_longer_than_torchserve(unpacked: Path) -> None:
    config = yaml.safe_load((unpacked / "model-config.yaml").read_text())
    (wait,) = re.findall(r"proxy_read_timeout (\d{3,})s;", NGINX)
    (again,) = re.findall(r"proxy_next_upstream_timeout (\d+)s;", NGINX)
    assert int(again) < config["responseTimeout"] < int(wait)


def test_the_access_log_has_nothing_that_a_client_wrote_but_an_id_and_a_method() -> None:
    (text,) = re.findall(r"log_format json escape=json(.+?);", NGINX, re.DOTALL)
    assert set(re.findall(r"\$(\w+)", text)) == {
        *("time_iso8601", "id", "key_name", "route", "status", "request_method"),
        *("request_length", "bytes_sent", "request_time"),
        *("upstream_http_x_request_id", "upstream_addr", "upstream_status"),
        "upstream_response_time",
    }


def test_only_the_gateway_is_published_to_the_outside_and_management_nowhere() -> None:
    services = COMPOSE["services"]
    published = {name: service.get("ports", []) for name, service in services.items()}
    assert [name for name, ports in published.items() if ports and name in OURS] == ["gateway"]
    assert all(
        port.startswith("127.0.0.1:")
        for name, ports in published.items()
        if name != "gateway"
        for port in ports
    )
    assert "8081" not in str({k: v.get("ports", v.get("expose")) for k, v in services.items()})
    assert "TS_MANAGEMENT" not in str(COMPOSE)
    assert COMPOSE["networks"]["service"]["internal"] is True


@pytest.mark.parametrize("name", OURS)
def test_our_containers_write_nowhere_but_into_memory(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["tmpfs"]
    assert all(volume.endswith(":ro") for volume in service["volumes"])


def test_stopping_waits_longer_than_draining() -> None:
    for name in ("affect-cpu", "affect-gpu"):
        service = COMPOSE["services"][name]
        drain = float(service["environment"]["AFFECT_DRAIN_S"])
        assert drain < float(service["stop_grace_period"].removesuffix("s"))


@pytest.mark.parametrize("path", ["Dockerfile", "gateway/Dockerfile"])
def test_images_run_as_nobody_in_particular_and_name_their_base(path: str) -> None:
    text = (DOCKER / path).read_text()
    base = text.split("FROM ")[0]
    assert re.search(r"^ARG BASE_IMAGE=\S+bookworm", base, re.MULTILINE)
    assert re.search(r"^USER \d{5}:\d{5}$", text, re.MULTILINE)
    assert "HEALTHCHECK" in text
