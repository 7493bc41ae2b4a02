"""`affect probe` with a known clip: learn its answer, compare once, or again and again."""

from __future__ import annotations

import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from affect_client._optional import need
from affect_client.cli.endings import CommandError, Ending, sentence
from affect_client.cli.setup import Setup
from affect_client.probing import (
    Attempt,
    Expected,
    ProbeMetrics,
    attempt,
    certificate_expiry,
)
from affect_client.settings import Settings


def learn(setup: Setup, clip: bytes, fps: float, path: Path) -> None:
    """Write what this server makes of the clip; whoever runs it vouches for the server."""
    with setup.client() as client:
        answer = client.predict(clip, sample_fps=fps, filename="probe")
    if not any(frame.faces for frame in answer.frames):
        raise CommandError("The server finds no face in this clip; take one with.", Ending.REFUSED)
    path.write_text(Expected.of(clip, answer).model_dump_json(indent=1) + "\n", encoding="utf-8")
    setup.say(f"{path}: {len(answer.frames)} samples, {answer.model.weights[:23]}")


@dataclass(frozen=True, slots=True)
class KnownClip:
    """A clip, its right answer, and how far another may be from it."""

    clip: bytes
    expected: Expected
    tolerance: float

    def sentence(self, tried: Attempt) -> str:
        """What came of an attempt that was answered."""
        far = ", ".join(f"{name} {value:.4f}" for name, value in (tried.distances or {}).items())
        other = " Another model answered than the one it was learned from." * tried.other_weights
        right = f"up to {self.tolerance:g} is right"
        return f"distance {far} ({right}), {tried.seconds:.2f} s.{other}"

    def right(self, tried: Attempt) -> bool:
        """Whether the answer is the expected one."""
        return tried.distances is not None and max(tried.distances.values()) <= self.tolerance


def compare(setup: Setup, known: KnownClip) -> None:
    """Post the clip once.

    Raises:
        CommandError: the answer is not the expected one.
    """
    with setup.client() as client:
        tried = attempt(client, known.clip, known.expected)
    if tried.error is not None:
        raise tried.error
    setup.out.print(known.sentence(tried), highlight=False, soft_wrap=True)
    if not known.right(tried):
        raise CommandError("The answer is not the expected one.", Ending.BROKEN)


def watch(setup: Setup, known: KnownClip, every_s: float, listen: tuple[str, int]) -> None:
    """Post the clip on a schedule and show Prometheus what came of it, until SIGTERM."""
    prometheus = need("prometheus_client", "metrics", "affect probe --every")
    registry = prometheus.CollectorRegistry()
    metrics = ProbeMetrics(registry, known.tolerance)
    base_url = Settings.resolve(base_url=setup.base_url).base_url
    stopped = threading.Event()

    def stop(_signum: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    server, thread = prometheus.start_http_server(listen[1], listen[0], registry)
    setup.say(f"probing every {every_s:g} s, metrics at http://{listen[0]}:{listen[1]}/metrics")
    try:
        # How it is now: a probe that tries again would report a server better than clients see it.
        with setup.with_given(retries=0).client() as client:
            while not stopped.is_set():
                tried = attempt(client, known.clip, known.expected)
                metrics.note(tried)
                expiry = certificate_expiry(base_url)
                if expiry is not None:
                    metrics.note_certificate(expiry)
                if tried.error is not None:
                    setup.say(sentence(tried.error), style="red")
                elif not known.right(tried):
                    setup.say(known.sentence(tried), style="red")
                stopped.wait(every_s)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
