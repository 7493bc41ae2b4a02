"""`affect-serve`: run the service on this machine."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import httpx
import typer
from rich.console import Console

from affect_client.wire import Problem
from affect_serving.addresses import LOOPBACK, Addresses
from affect_serving.demo import NoClipError, bundled_clip, post_clip, show
from affect_serving.door import Door
from affect_serving.processes import ServerError, check_free, in_memory
from affect_serving.server import LIVE_MODEL, MODEL, LocalServer

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
_console = Console()
_STOPPING: Final = (signal.SIGINT, signal.SIGTERM)
_DESCRIPTORS: Final = 8192
"""For connections, each with one to TorchServe, and all that looks after processes."""

ModelStore = Annotated[
    Path, typer.Option(help="Folder that `affect-train export` wrote the archive into.")
]
Port = Annotated[
    int,
    typer.Option(
        envvar="AFFECT_PORT",
        min=1024,
        max=65531,
        help="Inference; +1 management, +2 metrics, +3 and +4 gRPC. All on loopback. `run` takes "
        "+5 as well.",
    ),
]


@app.callback()
def main() -> None:
    """Run the service on this machine."""

    def stop(_signum: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # SIGTERM would end us without the `finally` that stops TorchServe, and a shell that starts
    # us in the background has SIGINT ignored.
    for number in _STOPPING:
        signal.signal(number, stop)


@app.command()
def run(
    model_store: ModelStore = Path("model_store"),
    port: Port = 8080,
    *,
    live: Annotated[
        bool,
        typer.Option(
            envvar="AFFECT_LIVE",
            help="Also serve live sessions: one more worker, with a copy of the model.",
        ),
    ] = True,
    host: Annotated[
        str,
        typer.Option(
            envvar="AFFECT_HOST",
            help="Address of inference and metrics. There is no key to ask for: anything but "
            "loopback belongs behind a gateway.",
        ),
    ] = LOOPBACK,
    digests: Annotated[
        Path | None,
        typer.Option(
            envvar="AFFECT_DIGESTS",
            help="The archives' SHA-256 digests, as sha256sum writes them, kept where nobody who "
            "writes into the model store can write. Unless given, the store's own SHA256SUMS.",
        ),
    ] = None,
    drain_s: Annotated[
        float,
        typer.Option(
            envvar="AFFECT_DRAIN_S",
            min=0,
            help="Told to stop, refuse new connections and give those that are open so many "
            "seconds. 0: stop at once.",
        ),
    ] = 0,
    answer_within_s: Annotated[
        float,
        typer.Option(
            envvar="AFFECT_ANSWER_WITHIN_S",
            min=0,
            help="Refuse (503 with Retry-After) a clip that waits behind others so long that "
            "its answer is expected to take more than 0.4 of this, in seconds. Four are "
            "worked on at once and never refused for it.",
        ),
    ] = 600,
    max_clips: Annotated[
        int,
        typer.Option(
            envvar="AFFECT_MAX_CLIPS",
            min=1,
            max=100,
            help="Refuse (503 with Retry-After) more clips than these at once.",
        ),
    ] = 64,
) -> None:
    """Serve in the foreground until Ctrl-C or SIGTERM; a second one ends draining."""
    models = (MODEL, LIVE_MODEL) if live else (MODEL,)
    addresses = Addresses(port, host, door=True)
    server = LocalServer(model_store, addresses, models, log_to_console=True, digests=digests)
    door: Door | None = None

    def lost(model: str) -> None:
        if door is not None:
            door.break_off(live=model == LIVE_MODEL)

    _allow_connections()
    try:
        check_free(host, port)
        while True:
            with _held_back():
                server.start()
            if not in_memory(server.run_folder):
                _console.print(
                    f"{server.run_folder.parent} is not in memory: uploads may touch a disk. "
                    "Give this machine 1 GiB of shared memory, or set TMPDIR to a tmpfs.",
                    style="yellow",
                    highlight=False,
                    soft_wrap=True,
                )
            server.wait_ready()
            if door is None:
                opening = Door(host, port, addresses.torchserve_port, answer_within_s, max_clips)
                opening.open()
                door = opening
            _console.print(
                f"ready: POST a clip to {server.inference_url}/predictions/affect  "
                f"(metrics {server.metrics_url})",
                soft_wrap=True,
            )
            _console.print(f"{server.watch(lost)} Starting it again.", soft_wrap=True)
            # Who asks meanwhile is told when to come again: by the door, which stays.
            for model in models:
                lost(model)
            with _held_back():
                server.stop(at_once=True)
    except KeyboardInterrupt:
        if door is not None and drain_s:
            _drain(door, drain_s)
        _console.print("stopping")
    except ServerError as error:
        _console.print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
    finally:
        # One more signal now would leave behind what is being stopped.
        for number in _STOPPING:
            signal.signal(number, signal.SIG_IGN)
        if door is not None:
            door.close(0)
        server.stop()


@contextmanager
def _held_back() -> Iterator[None]:
    """Signals that come meanwhile count afterwards: processes are being started, or ended."""
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: came.append(number)) for number in _STOPPING
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


def _allow_connections() -> None:
    """As many descriptors as the system lets this process have, up to what is of use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _drain(door: Door, drain_s: float) -> None:
    _console.print(f"no new requests; {door.connections} to answer within {drain_s:g} s")
    try:
        late = door.close(drain_s)
    except KeyboardInterrupt:
        return
    if late:
        _console.print(f"{late} not answered within {drain_s:g} s", style="red")


@app.command()
def demo(
    model_store: ModelStore = Path("model_store"),
    port: Port = 8080,
    clip: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Instead of the bundled one.")
    ] = None,
) -> None:
    """Start a real TorchServe, POST one real clip, show the answer, stop."""
    server = LocalServer(model_store, port)
    try:
        path = clip or bundled_clip()
        begun = time.monotonic()
        with _console.status("starting TorchServe") as status:
            server.start()
            server.wait_ready(
                while_waiting=lambda: status.update(
                    f"starting TorchServe, {time.monotonic() - begun:.0f} s"
                )
            )
            _console.print(f"TorchServe ready after {time.monotonic() - begun:.1f} s")
            status.update(f"sending {path.name}")
            answer = post_clip(server.inference_url, path)
        if isinstance(answer, Problem):
            _console.print(f"{answer.status} {answer.code}: {answer.detail}", style="red")
            raise typer.Exit(1)
        show(_console, answer, path, server.inference_url)
    except (ServerError, NoClipError, httpx.HTTPError) as error:
        _console.print(str(error), style="red", highlight=False, markup=False)
        raise typer.Exit(1) from error
    finally:
        server.stop()


if __name__ == "__main__":
    app()
