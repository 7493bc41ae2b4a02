"""`affect health`."""

from __future__ import annotations

import json as json_text
import sys
from time import monotonic
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from affect_client import AffectClient, AffectError, ServedModel
from affect_client.cli.endings import Ending, record, sentence
from affect_client.cli.options import Json
from affect_client.cli.setup import Setup
from affect_client.cli.words import plain


def health(
    ctx: typer.Context,
    *,
    management_url: Annotated[
        str | None,
        typer.Option(help="Of the list of models; else the port after --base-url's."),
    ] = None,
    json: Json = False,
) -> None:
    """Whether the server answers, how fast, and with which models.

    Ends with 0 where all models are ready, 4 where some are not yet, 3 where no server answers.
    A list of models that cannot be had, as behind a gateway, is no failure.
    """
    # How things are now: not what they will be after trying again.
    setup: Setup = ctx.obj.with_given(retries=0)
    with setup.client(management_url=management_url) as client:
        try:
            began_s = monotonic()
            found = client.health()
        except AffectError as error:
            if json:
                _write({"reachable": False, "error": record(error)})
            raise
        latency_s = monotonic() - began_s
        models, missing = _models(client)
    ready = found.healthy and all(model.ready for model in models or [])
    told: dict[str, Any] = {
        "reachable": True,
        "ready": ready,
        "status": found.status,
        "latency_s": round(latency_s, 4),
        "models": None if models is None else [_described(model) for model in models],
        "models_error": None if missing is None else record(missing),
    }
    if json:
        _write(told)
    else:
        style = "green" if ready else "yellow"
        setup.out.print(
            Text.assemble(
                (plain(found.status), style), f", answered after {latency_s * 1000:.0f} ms"
            )
        )
        if models is not None:
            setup.out.print(_table(models))
        if missing is not None:
            setup.say(f"The list of models cannot be had. {sentence(missing)}", style="yellow")
    if not ready:
        raise typer.Exit(Ending.LATE)


def _models(client: AffectClient) -> tuple[list[ServedModel] | None, AffectError | None]:
    try:
        return client.models(), None
    except AffectError as error:
        return None, error


def _described(model: ServedModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "version": model.version,
        "archive": model.archive,
        "ready": model.ready,
        "workers": len(model.workers),
        "workers_ready": sum(worker.status == "READY" for worker in model.workers),
        "gpu": any(worker.gpu for worker in model.workers),
        "batch_size": model.batch_size,
    }


def _table(models: list[ServedModel]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("model", "version", "workers ready", "on", "clips together", "archive"):
        table.add_column(heading)
    for model in models:
        ready = sum(worker.status == "READY" for worker in model.workers)
        table.add_row(
            plain(model.name),
            plain(model.version),
            Text(f"{ready} of {len(model.workers)}", style="green" if model.ready else "red"),
            "GPU" if any(worker.gpu for worker in model.workers) else "CPU",
            str(model.batch_size),
            plain(model.archive),
        )
    return table


def _write(told: dict[str, Any]) -> None:
    sys.stdout.write(json_text.dumps(told) + "\n")
