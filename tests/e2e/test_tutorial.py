"""docs/train-your-own.md, its commands as they stand but for sizes, and what they made, served."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pandas as pd
import pytest
import yaml

from affect_serving.server import LocalServer
from ports import free_ports

pytestmark = pytest.mark.training

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs" / "train-your-own.md").read_text(encoding="utf-8")
RECIPE = "training/configs/synthetic-vgg19-convlstm.yaml"
SMALLER = {
    "--people 200": "--people 8",
    "--seconds 6": "--seconds 2 --size 128",
    RECIPE: "small.yaml",
}


def commands() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", TUTORIAL, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def smaller(command: str) -> str:
    for long, short in SMALLER.items():
        command = command.replace(long, short)
    return command


def small_recipe() -> str:
    recipe = yaml.safe_load((ROOT / RECIPE).read_text(encoding="utf-8"))
    for stage in recipe["stages"]:
        stage.update(batch_size=8, steps_per_epoch=2, max_epochs=1, optimiser={"name": "adamw"})
    return yaml.safe_dump(recipe)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which somebody followed the tutorial."""
    folder = tmp_path_factory.mktemp("tutorial")
    (folder / "small.yaml").write_text(small_recipe(), encoding="utf-8")
    search_path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in commands():
        done = subprocess.run(
            shlex.split(smaller(command)),
            cwd=folder,
            env={**os.environ, "PATH": search_path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return folder


def test_the_tutorial_has_every_step_and_each_was_made_smaller() -> None:
    text = "\n".join(commands())
    for step in ("synth", "prepare", "fit", "evaluate", "figures", "table2", "export"):
        assert f"affect-train {step} " in text
    for long in SMALLER:
        assert long in text


@pytest.mark.timeout(900)
def test_what_was_trained_is_served_with_the_numbers_that_were_evaluated(followed: Path) -> None:
    run = followed / "runs" / "vgg19-convlstm"
    predictions = pd.read_parquet(run / "predictions.parquet")
    name = str(predictions["clip"].iloc[0])
    expected = predictions[predictions["clip"] == name].sort_values("sample")
    with LocalServer(followed / "model_store", free_ports()) as server:
        clip = (followed / "clips" / name).read_bytes()
        answer = httpx.post(
            f"{server.inference_url}/predictions/affect", files={"data": clip}, timeout=120
        ).json()
    assert answer["model"]["trained_on"] == "synth-v3: 200 rendered people"
    metrics = json.loads((run / "metrics.json").read_text())
    assert answer["model"]["weights"] == f"sha256:{metrics['source']['weights_sha256']}"
    assert len(answer["frames"]) == len(expected)
    seen = 0
    for frame, row in zip(answer["frames"], expected.itertuples(), strict=True):
        if pd.isna(row.track):
            assert frame["faces"] == []
            continue
        (face,) = frame["faces"]
        assert face["arousal"] == pytest.approx(row.arousal, abs=1e-5)
        assert face["valence"] == pytest.approx(row.valence, abs=1e-5)
        seen += 1
    assert seen > 0
    card = (followed / "model_store" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "synth-v3: 200 rendered people" in card
    assert "| mean |" in card
    assert list((followed / "runs" / "figures").glob("*.png"))


def test_all_models_of_the_table_stand_in_it(followed: Path) -> None:
    table = (followed / "runs" / "table2.md").read_text(encoding="utf-8")
    for model in ("VGG19-LSTM", "VGG19-GRU", "VGG19-ConvLSTM"):
        measured = re.findall(rf"^\| {model} .*\| (-?\d\.\d+) \[.*\] \|$", table, re.MULTILINE)
        assert len(measured) == 2, model
    stages = [folder.name for folder in (followed / "runs" / "backbones").glob("*/*")]
    # One of each: all models share them.
    learned = yaml.safe_load(small_recipe())["stages"][:-1]
    assert sorted(stages) == [f"{place}-{stage['name']}" for place, stage in enumerate(learned)]
