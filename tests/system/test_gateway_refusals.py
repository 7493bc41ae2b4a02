"""What the gateway refuses, and that nobody behind it hears of it."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass

import httpx
import pytest

from affect_client import (
    AffectClient,
    AuthenticationError,
    BadGatewayError,
    BodyTooLargeError,
    PermissionDeniedError,
    RateLimitedError,
    StatusError,
    wire,
)
from gateway import Gateway

pytestmark = pytest.mark.system

AFFECT = "/predictions/affect"


@dataclass(frozen=True)
class Refusal:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """Of the problem that it must be."""
        assert self.headers["content-type"] == wire.PROBLEM_MEDIA_TYPE
        problem = wire.Problem.model_validate_json(self.body)
        assert (problem.status, problem.title) == wire.PROBLEMS[problem.code]
        assert problem.status == self.status
        assert self.headers["x-request-id"]
        return problem.code


def ask(gateway: Gateway, method: str, target: str, *hosts: str, key: str = "") -> Refusal:
    """Send a request line as it is written here, which httpx would tidy up."""
    connection = http.client.HTTPSConnection("localhost", gateway.port, context=gateway.tls)
    # http.client refuses none of it with this, and writes it as it is.
    connection._validate_path = lambda url: None  # type: ignore[attr-defined]
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for host in hosts or ("localhost",):
        connection.putheader("Host", host)
    connection.putheader("Authorization", f"Bearer {key or gateway.key}")
    connection.putheader("Content-Length", "0")
    connection.endheaders()
    answer = connection.getresponse()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    refusal = Refusal(answer.status, headers, answer.read())
    connection.close()
    return refusal


PATHS = [
    "/models",
    "/models/affect",
    "/metrics",
    "/api-description",
    "/workflows",
    "/wfpredict/x",
    "/explanations/affect",
    "/v1/models/affect:predict",
    "/openapi",
    "/openapi.json/",
    "/openapi.json/../models",
    "/%6fpenapi.json",
    "/nginx.conf",
    "/site/keys.map",
    "/predictions",
    "/predictions/",
    "/predictions/other",
    "/predictions/affect/",
    "/predictions/affect/1.0",
    "/predictions/AFFECT",
    "/predictions/../models",
    "/predictions/affect/../../models",
    "/predictions/affect/../affect",
    "/predictions/./affect",
    "/predictions/%2e%2e/models",
    "/predictions%2faffect",
    "/predictions/affect%2f..%2f..%2fmodels",
    "/predictions/affect%3fx",
    "/predictions/affect;/../../models",
    "/predictions/..\\models",
    "//predictions/affect",
    "/predictions//affect",
    "/%70redictions/affect",
    "/ping/",
    "/ping/../models",
    "https://localhost/models",
    "http://127.0.0.1:8081/models",
    "/@unauthorized",
]


def test_only_five_paths_are_served_however_others_are_written(lone_gateway: Gateway) -> None:
    before = len(lone_gateway.lines())
    for path in PATHS:
        for method in ("GET", "POST"):
            host = "127.0.0.1" if "127.0.0.1" in path else "localhost"
            answer = ask(lone_gateway, method, path, host)
            expected = (421, "misdirected_request") if "127.0.0.1" in path else (404, "not_found")
            assert (answer.status, answer.code) == expected, f"{method} {path}"
    assert {line["replicas"] for line in lone_gateway.lines()[before:]} == {""}
    assert not any(path in lone_gateway.log.read_text() for path in PATHS if len(path) > 9)


@pytest.mark.parametrize("target", ["/predictions/affect%00", "/predictions/%zz", "models", "*"])
def test_what_is_no_target_is_a_bad_request(target: str, lone_gateway: Gateway) -> None:
    answer = ask(lone_gateway, "GET", target)
    assert (answer.status, answer.code) == (400, "bad_request")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        *((method, AFFECT, "POST") for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS")),
        ("GET", "/predictions/affect-live", "POST"),
        ("POST", "/ping", "GET"),
        ("GET", "/", "OPTIONS"),
        ("OPTIONS", "/openapi.json", "GET"),
        ("POST", "/openapi.json", "GET"),
        ("POST", "/", "OPTIONS"),
        ("PATCH", AFFECT, "POST"),
        ("X-ODD", AFFECT, "POST"),
    ],
)
def test_other_methods_are_refused_with_the_right_one(
    method: str, path: str, allow: str, lone_gateway: Gateway
) -> None:
    answer = ask(lone_gateway, method, path)
    assert (answer.status, answer.headers["allow"]) == (405, allow)
    assert method == "HEAD" or answer.code == "method_not_allowed"


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_methods_for_proxies_are_refused(method: str, lone_gateway: Gateway) -> None:
    answer = ask(lone_gateway, method, AFFECT)
    assert (answer.status, answer.code) in {(405, "method_not_allowed"), (400, "bad_request")}


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        (("localhost:1",), 502),
        (("LOCALHOST",), 502),
        (("evil.example",), 421),
        (("127.0.0.1:8081",), 421),
        (("localhost.evil.example",), 421),
        (("affect",), 421),
        (("localhost", "evil.example"), 400),
        (("localhost@evil.example",), 400),
        (("localhost/models",), 400),
        (("",), 400),
    ],
)
def test_hosts_that_are_not_the_gateway_s_are_refused(
    hosts: tuple[str, ...], status: int, lone_gateway: Gateway
) -> None:
    answer = ask(lone_gateway, "POST", AFFECT, *hosts)
    codes = {502: "bad_gateway", 421: "misdirected_request", 400: "bad_request"}
    assert (answer.status, answer.code) in {(status, codes[status]), (421, "misdirected_request")}


def test_a_session_without_a_name_is_a_bad_request(lone_gateway: Gateway) -> None:
    answer = ask(lone_gateway, "POST", "/predictions/affect-live")
    assert (answer.status, answer.code) == (400, "bad_request")
    assert b"ts_request_sequence_id" in answer.body


@pytest.mark.parametrize("path", [AFFECT, "/predictions/affect-live"])
@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded; charset=utf-8",
    ],
)
def test_bodies_that_torchserve_fails_on_are_bad_requests(
    kind: str, path: str, lone_gateway: Gateway
) -> None:
    session = {"ts_request_sequence_id": "one"}
    with lone_gateway.http() as http:
        refused = http.post(path, content=b"%zz", headers={"content-type": kind, **session})
        passed = http.post(path, files={"data": b"clip"}, headers=session)
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")
    assert "application/octet-stream" in refused.json()["detail"]
    assert passed.json()["code"] == "bad_gateway"


def test_no_key_a_wrong_key_and_a_blocked_key(own_gateway: Gateway) -> None:
    with httpx.Client(verify=own_gateway.tls, base_url=own_gateway.url) as http:
        for header in (None, "", "Bearer", f"Basic {own_gateway.key}", "Bearer é" * 9):
            sent = {} if header is None else {b"Authorization": header.encode("latin-1")}
            for method, path in [
                ("POST", AFFECT),
                ("OPTIONS", "/"),
                ("GET", "/openapi.json"),
                ("GET", "/models"),
            ]:
                answer = http.request(method, path, headers=sent)
                assert answer.status_code == 401
                assert answer.json()["code"] == "unauthorized"
                assert answer.headers["www-authenticate"] == "Bearer"
        with pytest.raises(AuthenticationError, match="Send a key"):
            own_gateway.client(http, own_gateway.key + "0").predict(b"clip")
        digest = (own_gateway.folder / "site" / "keys.map").read_text().split()[-2]
        with pytest.raises(AuthenticationError):
            own_gateway.client(http, digest).predict(b"clip")
        own_gateway.site("blocked.map", "tests 1;\n")
        own_gateway.reload()
        with pytest.raises(PermissionDeniedError, match="blocked"):
            own_gateway.client(http).predict(b"clip")
    assert own_gateway.key not in own_gateway.log.read_text()
    assert {line["replicas"] for line in own_gateway.lines()} == {""}


def test_an_upload_that_is_too_large_is_refused_before_it_is_sent(lone_gateway: Gateway) -> None:
    with (
        socket.create_connection(("127.0.0.1", lone_gateway.port)) as plain,
        lone_gateway.tls.wrap_socket(plain, server_hostname="localhost") as sent,
    ):
        head = f"POST {AFFECT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
        sent.sendall(f"{head}{lone_gateway.key}\r\nContent-Length: 268435457\r\n\r\n".encode())
        answer = sent.recv(4096)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer


def test_an_upload_that_becomes_too_large_is_refused(own_gateway: Gateway) -> None:
    limits = (own_gateway.folder / "site" / "limits.conf").read_text()
    own_gateway.site("limits.conf", limits.replace("256m", "1m"))
    own_gateway.reload()
    with httpx.Client(verify=own_gateway.tls) as http, own_gateway.client(http) as client:
        with pytest.raises(BodyTooLargeError, match="Cut the clip"):
            client.predict(bytes(20 << 20))
        answer = http.post(
            f"{own_gateway.url}{AFFECT}",
            content=(bytes(1 << 16) for _ in range(64)),
            headers={"Authorization": f"Bearer {own_gateway.key}"},
        )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert not list(own_gateway.uploads.rglob("*[0-9]"))


def test_too_many_requests_of_one_key_leave_the_others_alone(own_gateway: Gateway) -> None:
    other = own_gateway.new_key("other")
    own_gateway.reload()
    with httpx.Client(verify=own_gateway.tls) as http:
        mine = [refused(own_gateway.client(http)) for _ in range(120)]
        hers = refused(own_gateway.client(http, other))
    limited = [error for error in mine if isinstance(error, RateLimitedError)]
    assert len(limited) > 20
    assert {(error.code, error.retry_after_s) for error in limited} == {("too_many_requests", 2)}
    assert isinstance(hers, BadGatewayError)
    assert (hers.code, hers.retry_after_s) == ("bad_gateway", 5)


def refused(client: AffectClient) -> StatusError:
    with pytest.raises(StatusError) as caught:
        client.predict(b"clip")
    return caught.value


def test_too_many_uploads_at_once_of_one_key(own_gateway: Gateway) -> None:
    head = f"POST {AFFECT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
    head += f"{own_gateway.key}\r\nContent-Length: 9\r\n\r\n"
    open_ones: list[ssl.SSLSocket] = []
    try:
        for _ in range(65):
            plain = socket.create_connection(("127.0.0.1", own_gateway.port), timeout=10)
            open_ones.append(own_gateway.tls.wrap_socket(plain, server_hostname="localhost"))
            open_ones[-1].sendall(head.encode())
        answer = open_ones[-1].recv(4096)
        assert answer.startswith(b"HTTP/1.1 429 ")
        assert b"Retry-After: " in answer
        for one in open_ones[:64]:
            one.sendall(b"nine byte")
            assert one.recv(4096).startswith(b"HTTP/1.1 502 ")
    finally:
        for one in open_ones:
            one.close()


def test_what_is_no_tls_is_a_bad_request(lone_gateway: Gateway) -> None:
    answer = httpx.get(f"http://localhost:{lone_gateway.port}/ping")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
