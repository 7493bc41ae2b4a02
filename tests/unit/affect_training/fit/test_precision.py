"""What a machine trains in."""

from __future__ import annotations

import pytest
import torch

from affect_training.fit.precision import precision_here
from affect_training.fit.recipe import Precision


@pytest.mark.parametrize(
    ("asked", "machine", "used"),
    [
        ("32-true", "bf16", "32-true"),
        ("bf16-mixed", "bf16", "bf16-mixed"),
        ("16-mixed", "bf16", "bf16-mixed"),
        ("bf16-mixed", "old", "32-true"),
        ("16-mixed", "old", "32-true"),
        ("bf16-mixed", "gpu", "bf16-mixed"),
        ("16-mixed", "gpu", "16-mixed"),
    ],
)
def test_half_precision_where_the_machine_has_it(
    asked: Precision,
    machine: str,
    used: Precision,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: machine == "gpu")
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: machine == "bf16")
    assert precision_here(asked) == used
    assert ("float32 instead of" in caplog.text) is (used == "32-true" != asked)


def test_this_machine_says_whether_it_has_it() -> None:
    assert isinstance(torch.ops.mkldnn._is_mkldnn_bf16_supported(), bool)
