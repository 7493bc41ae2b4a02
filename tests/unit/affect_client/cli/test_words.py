from __future__ import annotations

import pytest

from affect_client.cli.words import counted, file_name, listed, plain, shortened


def test_what_moves_a_terminal_is_taken_out() -> None:
    assert plain("a\x1b[31mb\nc\x9b2J\u202ed") == "a�[31mb�c�2J�d"
    assert plain("Gesicht ä 顔") == "Gesicht ä 顔"


@pytest.mark.parametrize(
    ("path", "name"), [("a/b.mp4", "b.mp4"), ("-", "standard input"), ("/", "/"), ("x\ny", "x�y")]
)
def test_names_of_clips(path: str, name: str) -> None:
    assert file_name(path) == name


@pytest.mark.parametrize(
    ("width", "short"), [(11, "clip-01.mp4"), (10, "clip…1.mp4"), (5, "cl…p4"), (1, "…")]
)
def test_long_names_keep_their_end(width: int, short: str) -> None:
    assert shortened("clip-01.mp4", width) == short


def test_numbers_and_lists() -> None:
    assert (counted(1, "clip"), counted(0, "clip")) == ("1 clip", "0 clips")
    assert [listed(x) for x in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "", "a", "a and b", "a, b and c"
    ]  # fmt: skip
