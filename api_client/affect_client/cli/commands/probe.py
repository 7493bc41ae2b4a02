"""`affect probe`."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Annotated

import typer

from affect_client._optional import need
from affect_client.cli.endings import CommandError, Ending, sentence
from affect_client.cli.known import ClipFile, KnownClip, KnownFile, Tolerance
from affect_client.cli.setup import Setup
from affect_client.probing import ProbeMetrics, attempt, certificate_expiry
from affect_client.settings import Settings


def probe(
    ctx: typer.Context,
    clip: ClipFile,
    known: KnownFile,
    *,
    tolerance: Tolerance = 0.05,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="Between two attempts.")
    ] = 60.0,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where Prometheus scrapes.")
    ] = "127.0.0.1:9188",
) -> None:
    """A known clip, again and again: whether its answer holds, for Prometheus.

    CLIP is sent until Ctrl-C or SIGTERM, and its answer compared with KNOWN's.
    """
    setup: Setup = ctx.obj
    right = KnownClip.read(clip, known, tolerance)
    host, port = _address(listen)
    prometheus = need("prometheus_client", "metrics", "affect probe")
    registry = prometheus.CollectorRegistry()
    metrics = ProbeMetrics(registry, tolerance)
    base_url = Settings.resolve(base_url=setup.base_url).base_url
    stopped = threading.Event()

    def stop(_signum: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    server, thread = prometheus.start_http_server(port, host, registry)
    setup.say(f"probing every {every:g} s, metrics at http://{host}:{port}/metrics")
    try:
        # How it is now: a probe that tries again would report a server better than clients see it.
        with setup.with_given(retries=0).client() as client:
            while not stopped.is_set():
                tried = attempt(client, right.clip, right.expected)
                metrics.note(tried)
                expiry = certificate_expiry(base_url)
                if expiry is not None:
                    metrics.note_certificate(expiry)
                if tried.error is not None:
                    setup.say(sentence(tried.error), style="red")
                elif not right.holds(tried):
                    setup.say(right.sentence(tried), style="red")
                stopped.wait(every)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not port.isascii() or not port.isdigit():
        raise CommandError(f"--listen takes HOST:PORT, not {listen!r}.", Ending.USAGE)
    return host or "127.0.0.1", int(port)
