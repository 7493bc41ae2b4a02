"""`affect-train pack`: a checkpoint in half the bytes, for keeping and passing on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from affect_core.checkpoint import WEIGHTS_FILE, load_checkpoint, save_checkpoint, sha256_of
from affect_training.commands.failures import reported
from affect_training.pack import in_float16

_console = Console(stderr=True)


def pack(
    checkpoint: Annotated[
        Path, typer.Argument(help="Folder with weights.safetensors and spec.json.")
    ],
    out: Annotated[Path, typer.Argument(help="Folder to write the packed checkpoint into.")],
) -> None:
    """Write a checkpoint in float16. Evaluate what is packed: its numbers are its own.

    Everything reads it as any other checkpoint, and computes with it in float32.
    """
    with reported(_console):
        loaded = load_checkpoint(checkpoint)
        save_checkpoint(out, in_float16(loaded.model), loaded.spec)
    packed = out / WEIGHTS_FILE
    _console.print(f"{out}  {packed.stat().st_size / 1e6:.1f} MB  SHA-256 {sha256_of(packed)}")
