"""What a machine can train in."""

from __future__ import annotations

import logging

import torch

from affect_training.fit.recipe import Precision

_log = logging.getLogger(__name__)


def precision_here(asked: Precision) -> Precision:
    """The recipe's precision, or float32 where the processor has no half precision of its own.

    There torch's convolutions fall back to plain loops: a step of VGG11 at 64 pixels took 1092 ms
    a crop in bf16 and 73 in float32, on one core with AVX2 alone. Numbers then differ by bf16's
    rounding from those of other machines.

    Args:
        asked: the recipe's.

    Returns:
        As asked on a GPU. On a CPU, float32 or bf16, the only half precision that Lightning has
        there.
    """
    if asked == "32-true" or torch.cuda.is_available():
        return asked
    # What convolutions ask; it has no public name.
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():  # noqa: SLF001
        return "bf16-mixed"
    _log.warning("This processor has no bf16: training in float32 instead of %s.", asked)
    return "32-true"
