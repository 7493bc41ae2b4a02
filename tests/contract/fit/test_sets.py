"""Stages of frames that read a prepared set of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from affect_training.dataset.info import INFO_FILE
from affect_training.errors import DataError, TrainingError
from affect_training.fit.run import fit
from fitted import (
    MadeTrack,
    fit_small,
    frames_stage,
    histories,
    make_prepared,
    recipe_of,
    sequences_stage,
)
from watching import Watch

pytestmark = pytest.mark.training

RECIPE = recipe_of(frames_stage(), sequences_stage())
OTHERS = {
    "s": MadeTrack("train", "rrrr"),
    "t": MadeTrack("train", "rrr"),
    "u": MadeTrack("validation", "rrrr"),
}


def test_stages_of_frames_learn_from_their_set_alone(folder: Path) -> None:
    others = make_prepared(folder / "others", OTHERS)
    apart = fit_small(RECIPE, folder, "apart", frames=others)
    alone = fit(
        RECIPE,
        others,
        folder / "alone" / "run",
        trained_on="nothing, for tests",
        cache=folder / "cache",
        progress=Watch(),
    )
    own = fit_small(RECIPE, folder, "own")
    curves = [histories(folder / name) for name in ("apart", "alone", "own")]
    assert curves[0]["0-frames"] == curves[1]["0-frames"] != curves[2]["0-frames"]
    assert curves[0]["1-sequences"] != curves[1]["1-sequences"]
    assert apart[0] == alone[0] != own[0]
    # The same call again knows both sets; without the second it is another run.
    assert fit_small(RECIPE, folder, "apart", frames=others) == apart
    with pytest.raises(TrainingError, match="holds another run"):
        fit_small(RECIPE, folder, "apart")


@pytest.mark.parametrize(
    ("split", "held_out"), [("train", "g"), ("train", "e"), ("validation", "g")]
)
def test_nobody_is_learned_who_is_held_out(
    split: str, held_out: str, folder: Path, tmp_path: Path
) -> None:
    tracks = {**OTHERS, held_out: MadeTrack(split, "rrr")}  # type: ignore[arg-type]
    leaking = make_prepared(tmp_path / "leaking", tracks)
    with pytest.raises(DataError, match=f"Subject {held_out} is in the {split} split"):
        fit_small(RECIPE, folder, "leaking", frames=leaking)


def test_crops_that_show_something_else_are_refused(folder: Path, tmp_path: Path) -> None:
    others = make_prepared(tmp_path / "others", OTHERS)
    info = json.loads((others / INFO_FILE).read_text())
    info["preprocess"]["sample_fps"] = 1.0
    info["preprocess"]["crop_margin"] = 0.5
    (others / INFO_FILE).write_text(json.dumps(info))
    with pytest.raises(TrainingError, match="another crop_margin: prepare both alike"):
        fit_small(RECIPE, folder, "unlike", frames=others)
