from __future__ import annotations

from pathlib import Path

import pytest

from affect_training.errors import DataError
from affect_training.ratings.files import (
    find_clip,
    paired_files,
    rating_files,
    read_lines,
    read_subjects,
    subject_of,
    tracked,
)


def test_lines_lose_spaces_and_blank_ones_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf1 \r\n\r\n 2\t\r\n\r\n \n")
    assert read_lines(tmp_path / "a.txt") == ["1", "", "2"]


def test_a_clip_is_found_by_name_whatever_its_suffix(tmp_path: Path) -> None:
    source = tmp_path / "ratings.txt"
    for name in ("v[1].MP4", "v[1].txt", "v[1]2.mp4", "v1.mp4", "x.y.avi", "x.mp4"):
        (tmp_path / name).touch()
    assert find_clip(tmp_path, "v[1]", source) == tmp_path / "v[1].MP4"
    assert find_clip(tmp_path, "x.y", source).name == "x.y.avi"
    assert find_clip(tmp_path, "x", source).name == "x.mp4"
    with pytest.raises(DataError, match=r"ratings\.txt rates y, and .* has no video"):
        find_clip(tmp_path, "y", source)
    (tmp_path / "x.avi").touch()
    with pytest.raises(DataError, match=r"x\.avi and x\.mp4"):
        find_clip(tmp_path, "x", source)


def test_a_folder_without_ratings_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{tmp_path} holds no"):
        rating_files(tmp_path, "*.txt")


@pytest.mark.parametrize(("has", "lacks"), [("arousal", "valence"), ("valence", "arousal")])
def test_a_file_of_one_dimension_alone_is_named(tmp_path: Path, has: str, lacks: str) -> None:
    for folder in (has, lacks):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.txt").touch()
    (tmp_path / has / "2.txt").touch()
    with pytest.raises(DataError, match=rf"{lacks}/2\.txt is missing"):
        paired_files(tmp_path, "*.txt")


def test_subjects_are_listed_by_clip(tmp_path: Path) -> None:
    path = tmp_path / "subjects.csv"
    path.write_text('clip,subject\nv1 , anna\n"v,2",ben\n', encoding="utf-8")
    subjects = read_subjects(path)
    assert subjects == {"v1": "anna", "v,2": "ben"}
    assert subject_of("v1", "v1", subjects) == "anna"
    assert subject_of("v9", "v9", None) == "v9"
    with pytest.raises(DataError, match="v9 is not in the list"):
        subject_of("v9", "v9", subjects)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,subject\n", "line 1: the header"),
        ("", "line 1: the header"),
        ("clip,subject\nv1,a\nv1,b\n", "line 3: clip v1 is listed a second time"),
        ("clip,subject\nv1\n", "line 2"),
        ("clip,subject\nv1,a\nv2,\n", "line 3"),
    ],
)
def test_a_malformed_list_of_subjects_names_the_line(
    tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "subjects.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_subjects(path)


def test_progress_begins_at_none_and_ends_at_all(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    files = [tmp_path / "a", tmp_path / "b"]
    assert list(tracked(files, lambda done, total: told.append((done, total)))) == files
    assert told == [(0, 2), (1, 2), (2, 2)]
