"""`affect-train quickstart` from nothing to an archive, at a small size, and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from affect_training.fit.recipe import Recipe
from affect_training.quickstart import CLIPS, STILLS, quickstart, quickstart_recipe

pytestmark = pytest.mark.training


def small_recipe() -> Recipe:
    recipe = quickstart_recipe().model_dump()
    for stage in recipe["stages"]:
        stage.update(batch_size=8, steps_per_epoch=2, max_epochs=1, crop_size=32)
    recipe["workers"] = 0
    return Recipe.model_validate(recipe)


def test_from_nothing_to_an_archive_and_what_is_finished_stays(tmp_path: Path) -> None:
    said: list[str] = []

    def walk() -> float | None:
        metrics, told = quickstart(
            tmp_path / "work",
            tmp_path / "store",
            stills=STILLS.model_copy(update={"people": 10, "seconds": 2.0, "size": 128}),
            clips=CLIPS.model_copy(update={"people": 10, "seconds": 1.0, "size": 128}),
            recipe=small_recipe(),
            workers=2,
            progress=lambda name: lambda done, total: None,
            announce=said.append,
        )
        assert told.smiles + told.frowns <= metrics.samples
        return metrics.mean.mse.value

    first = walk()
    archive = tmp_path / "store" / "affect.mar"
    made = archive.read_bytes()
    weights = next((tmp_path / "work").rglob("weights.safetensors"))
    written = weights.stat().st_mtime_ns
    assert walk() == first
    assert weights.stat().st_mtime_ns == written
    assert archive.read_bytes() == made
    assert said[:4] == said[4:]
    assert said[3] == "writing the archive"
