from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from affect_core.limits import Limits
from affect_serving.settings import ServingSettings


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("AFFECT_"):
            monkeypatch.delenv(name)


def test_without_variables_the_defaults_hold() -> None:
    settings = ServingSettings()
    assert settings.limits == Limits()
    assert settings.max_body_bytes == 256 * 1024 * 1024
    assert (settings.detector, settings.yunet_model) == (None, None)


def test_every_setting_has_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFECT_MAX_BODY_BYTES", "1000")
    monkeypatch.setenv("AFFECT_DECODE_THREADS", "3")
    monkeypatch.setenv("AFFECT_LIVE_MAX_SAMPLES", "8")
    monkeypatch.setenv("AFFECT_DETECTOR", "haar")
    monkeypatch.setenv("AFFECT_YUNET_MODEL", "/models/yunet.onnx")
    settings = ServingSettings()
    assert (settings.max_body_bytes, settings.decode_threads) == (1000, 3)
    assert settings.live_max_samples == 8
    assert (settings.detector, settings.yunet_model) == ("haar", Path("/models/yunet.onnx"))


@pytest.mark.parametrize("limit", Limits.model_fields)
def test_every_limit_has_its_variable_and_the_others_keep_their_defaults(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = 2 * getattr(Limits(), limit)
    monkeypatch.setenv(f"AFFECT_LIMITS__{limit.upper()}", f"{other}")
    assert ServingSettings().limits == Limits.model_validate({limit: other})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("max_body_bytes", "0"),
        ("max_body_bytes", "many"),
        ("decode_threads", "0"),
        ("live_max_samples", "0"),
        ("live_max_samples", "257"),
        ("detector", "mtcnn"),
        ("limits__max_duration_s", "-1"),
        ("limits__max_samples", "1.5"),
    ],
)
def test_a_value_that_cannot_be_is_refused(
    setting: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"AFFECT_{setting.upper()}", value)
    with pytest.raises(ValidationError, match=setting.replace("__", ".")):
        ServingSettings()


def test_a_limit_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFECT_LIMITS__MAX_DURATION", "600")
    with pytest.raises(ValidationError, match="max_duration"):
        ServingSettings()


def test_variables_of_others_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_BODY_BYTES", "1")
    monkeypatch.setenv("AFFECT_PORT", "8080")
    assert ServingSettings().max_body_bytes > 1


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ServingSettings().decode_threads = 9
