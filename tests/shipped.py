"""The weights that ship, served: the documents show what they answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from affect_core.checkpoint import SPEC_FILE, load_checkpoint
from affect_training.card import model_card
from affect_training.export import export_archive

SHIPPED: Final = Path(__file__).parents[1] / "model_store" / "synthetic-v1"
"""Checkpoint, measurements and card, as `make archive` finds them."""


_MODEL: Final = json.loads((SHIPPED / SPEC_FILE).read_bytes())["model"]
TRAINED_ON: Final[str] = _MODEL["provenance"]["trained_on"]
"""What every answer of theirs says they rest on."""


def export_shipped(store: Path) -> None:
    """Write a store of them that computes in float32 everywhere."""
    checkpoint = load_checkpoint(SHIPPED)
    export_archive(checkpoint.model, checkpoint.spec, model_card(checkpoint.spec, None), store)
