"""`affect-serve`: run the service on this machine."""

from __future__ import annotations

import signal
import time
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
from affect_serving.processes import ServerError
from affect_serving.server import LIVE_MODEL, MODEL, LocalServer

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
_console = Console()
_STOPPING: Final = (signal.SIGINT, signal.SIGTERM)

ModelStore = Annotated[
    Path, typer.Option(help="Folder that `affect-train export` wrote the archive into.")
]
Port = Annotated[
    int,
    typer.Option(
        envvar="AFFECT_PORT",
        min=1024,
        max=65531,
        help="Inference; +1 management, +2 metrics, +3 and +4 gRPC. All on loopback.",
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
    drain_s: Annotated[
        float,
        typer.Option(
            envvar="AFFECT_DRAIN_S",
            min=0,
            help="Told to stop, refuse new connections and give those that are open so many "
            "seconds. 0: stop at once.",
        ),
    ] = 0,
) -> None:
    """Serve in the foreground until Ctrl-C or SIGTERM; a second one ends draining."""
    models = (MODEL, LIVE_MODEL) if live else (MODEL,)
    addresses = Addresses(port, host, door=drain_s > 0)
    server = LocalServer(model_store, addresses, models, log_to_console=True)
    door: Door | None = None
    try:
        while True:
            server.start()
            server.wait_ready()
            if addresses.door:
                door = Door(host, port, addresses.torchserve_port)
                door.open()
            _console.print(
                f"ready: POST a clip to {server.inference_url}/predictions/affect  "
                f"(metrics {server.metrics_url})",
                soft_wrap=True,
            )
            _console.print(f"{server.watch()} Starting it again.", soft_wrap=True)
            if door is not None:
                door.close(0)
            server.stop()
    except KeyboardInterrupt:
        if door is not None:
            _drain(door, drain_s)
        _console.print("stopping")
    except ServerError as error:
        _console.print(str(error), style="red", highlight=False, markup=False)
        raise typer.Exit(1) from error
    finally:
        # One more signal now would leave behind what is being stopped.
        for number in _STOPPING:
            signal.signal(number, signal.SIG_IGN)
        server.stop()


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
