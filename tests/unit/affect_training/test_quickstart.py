"""The quickstart's own parts; tests/e2e/test_quickstart.py walks all of it at a small size."""

from __future__ import annotations

from affect_training.quickstart import CLIPS, STILLS, quickstart_recipe


def test_the_recipe_reads_and_its_windows_fit_the_clips() -> None:
    last = quickstart_recipe().stages[-1]
    assert last.kind == "sequences"
    assert last.steps <= CLIPS.frames_per_clip


def test_nobody_is_in_both_sets() -> None:
    assert {STILLS.subject(person) for person in range(STILLS.people)}.isdisjoint(
        CLIPS.subject(person) for person in range(CLIPS.people)
    )
