"""Ports for servers of the tests."""

from __future__ import annotations

import os
import socket
import ssl

import httpx


def free_ports(count: int = 5) -> int:
    """The first of `count` adjacent free ports; runs beside each other look in other places.

    Workers of one run each have ports that the others never look at: a port that is found free is
    taken only seconds later.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports = list(range(18080, 28080, 10))[worker::workers]
    begin = os.getpid() % len(ports)
    for first in ports[begin:] + ports[:begin]:
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("no free ports")


def answers(url: str, tls: ssl.SSLContext | None = None) -> bool:
    """Whether anything is said there."""
    try:
        httpx.get(url, verify=True if tls is None else tls, timeout=5)
    except httpx.HTTPError:
        return False
    return True
