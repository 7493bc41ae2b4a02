"""Parts that must agree though no import ties them: files, limits, codes, names."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import yaml

from affect_client import wire
from affect_core import errors
from affect_core.spec import PreprocessSpec
from affect_serving.declared import DECLARED
from affect_serving.settings import ServingSettings


def properties(store: Path) -> dict[str, str]:
    lines = (store / "config.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_code_of_the_core_is_in_the_contract() -> None:
    codes = {c.code for c in errors.ClipError.__subclasses__()}
    assert codes
    assert codes <= set(wire.PROBLEMS)
    assert set(get_args(wire.ProblemCode)) == set(wire.PROBLEMS)


def test_every_recorded_metric_is_declared_and_no_other(small_store: Path) -> None:
    declared = yaml.safe_load((small_store / "metrics.yaml").read_text())["model_metrics"]
    ours = {m["name"] for kind in declared.values() for m in kind if m["name"].startswith("affect")}
    assert ours == {metric.name for metric in DECLARED}
    # A `mode` key makes TorchServe drop the whole file.
    assert "mode" not in (small_store / "metrics.yaml").read_text().replace("model", "")


def test_torchserve_waits_longer_than_a_batch_may_take(unpacked: Path, unpacked_live: Path) -> None:
    for folder in (unpacked, unpacked_live):
        config = yaml.safe_load((folder / "model-config.yaml").read_text())
        assert config["responseTimeout"] > ServingSettings().limits.max_wall_s + 30


def test_one_request_cannot_bring_more_pictures_than_its_options_may_have_times() -> None:
    (bound,) = (
        m for m in wire.LiveOptions.model_fields["times_s"].metadata if hasattr(m, "max_length")
    )
    live_max = ServingSettings.model_fields["live_max_samples"].metadata
    assert bound.max_length == max(m.le for m in live_max if hasattr(m, "le"))


def test_torchserve_takes_the_largest_clip_we_take(small_store: Path) -> None:
    config = properties(small_store)
    assert int(config["max_request_size"]) == ServingSettings().max_body_bytes == 256 << 20
    assert int(config["max_response_size"]) == 256 << 20


def test_only_loopback_and_only_our_folder(small_store: Path) -> None:
    config = properties(small_store)
    for name in ("inference_address", "management_address", "metrics_address"):
        assert config[name].startswith("http://127.0.0.1:")
    assert config["allowed_urls"].startswith("file:///")
    assert "http" not in config["allowed_urls"]
    assert config["enable_model_api"] == "false"
    assert config["install_py_dep_per_model"] == "false"
    assert config["metrics_mode"] == "prometheus"
    assert config["load_models"] == "affect.mar,affect-live.mar"


def test_options_default_to_the_rate_models_are_trained_at() -> None:
    assert wire.PredictOptions().sample_fps == PreprocessSpec().sample_fps
