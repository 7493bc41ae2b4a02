"""Clients of a service to which something happens: when it is well again, and what they lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import httpx

from affect_client import AffectClient, AffectError, RetryEvent, Timeouts, wire
from live_steps import encoded, headers
from torture import coded
from torture.service import Service

_CLIENTS: Final = 3
_BEFORE_S: Final = 2.0
_AFTER_S: Final = 3.0
_PROBE_S: Final = 5.0
_GIVE_UP_S: Final = 120.0
HEALTHY_WITHIN_S: Final = 15.0


@dataclass
class Suffered:
    """What a fault did to clients that know nothing of it."""

    healthy_s: float = float("inf")
    """From the fault's end until a request was answered rightly that was sent after it."""
    calls: int = 0
    retries: int = 0
    lost: list[str] = field(default_factory=list)
    """Of calls of the Python client, as it comes: the errors' names."""
    wrong: int = 0

    @property
    def good(self) -> bool:
        """Whether the bars hold."""
        return self.healthy_s <= HEALTHY_WITHIN_S and not self.lost and not self.wrong

    def row(self) -> str:
        """Of the table."""
        lost = f"{len(self.lost)} ({', '.join(sorted(set(self.lost)))})" if self.lost else "0"
        counts = f"{self.calls} | {self.retries} | {lost} | {self.wrong}"
        return f"{self.healthy_s:.1f} s | {counts}"


def suffer(service: Service, happens: Callable[[], object], *, live: bool = False) -> Suffered:
    """Three clients send clips, each other code; then it happens; then all is to be well.

    Args:
        service: ready.
        happens: returns when it is over.
        live: wellness is a live session's.
    """
    probe = _live_probe(service) if live else _clip_probe(service)
    expected = [alone(service.url, code) for code in coded.CODES]
    found = Suffered()
    stop = threading.Event()
    threads = [
        threading.Thread(target=_client, args=(service.url, number, expected, found, stop))
        for number in range(_CLIENTS)
    ]
    for thread in threads:
        thread.start()
    try:
        time.sleep(_BEFORE_S)
        happens()
        began = time.monotonic()
        while time.monotonic() - began < _GIVE_UP_S:
            if probe():
                found.healthy_s = time.monotonic() - began
                break
            time.sleep(0.1)
        time.sleep(_AFTER_S)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    return found


def alone(url: str, code: int) -> Sequence[wire.Frame]:
    """The right answer to a code."""
    with AffectClient(base_url=url) as client:
        return client.predict(coded.clip(code)).frames


def _client(
    url: str, number: int, expected: list[list[wire.Frame]], found: Suffered, stop: threading.Event
) -> None:
    """As programs use it: with the client's own retries, and nothing changed about them."""

    def count(_event: RetryEvent) -> None:
        found.retries += 1

    code = number
    # Nobody waits half an hour in a test. What takes longer than this is lost.
    timeouts = Timeouts(answer_s=60)
    with AffectClient(base_url=url, timeouts=timeouts, before_retry=count) as client:
        while not stop.is_set():
            found.calls += 1
            try:
                answer = client.predict(coded.clip(code))
                found.wrong += not coded.same(answer.frames, expected[code])
            except AffectError as error:
                found.lost.append(f"{type(error).__name__}: {error}")
            code = (code + _CLIENTS) % len(coded.CODES)


def _clip_probe(service: Service) -> Callable[[], bool]:
    expected = alone(service.url, 0)

    def probe() -> bool:
        with suppress(httpx.HTTPError):
            url = f"{service.url}/predictions/affect"
            answer = httpx.post(url, files={"data": coded.clip(0)}, timeout=_PROBE_S)
            if answer.status_code == 200:
                parsed = wire.Prediction.model_validate_json(answer.content)
                return coded.same(parsed.frames, expected)
        return False

    return probe


def _live_probe(service: Service) -> Callable[[], bool]:
    expected = _one_live(service, "before")
    assert expected

    def probe() -> bool:
        with suppress(httpx.HTTPError):
            frames = _one_live(service, f"after-{time.monotonic()}")
            return bool(frames) and coded.same(frames, expected)
        return False

    return probe


def _one_live(service: Service, name: str) -> list[wire.Frame]:
    """A session of one picture; nothing where it is refused."""
    answer = httpx.post(
        f"{service.url}/predictions/affect-live",
        headers=headers(name, start=True, end=True),
        files={"frame0": coded.picture(0), "options": bytes(encoded({"times_s": [0.0]}))},
        timeout=_PROBE_S,
    )
    if answer.status_code != 200:
        return []
    return wire.LiveAnswer.model_validate_json(answer.content).frames
