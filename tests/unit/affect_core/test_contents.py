from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_core.contents import CONTENTS_FILE, Contents, check_folder, write_contents
from affect_core.errors import SpecError

FILES = {"weights.safetensors": b"numbers", "MAR-INF/MANIFEST.json": b"{}", "empty": b""}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    write_contents(tmp_path)
    return tmp_path


def test_every_file_is_named_with_its_digest(folder: Path) -> None:
    told = json.loads((folder / CONTENTS_FILE).read_text())
    assert told == {"files": {n: hashlib.sha256(data).hexdigest() for n, data in FILES.items()}}
    check_folder(folder)


def test_writing_again_changes_nothing(folder: Path) -> None:
    before = (folder / CONTENTS_FILE).read_bytes()
    write_contents(folder)
    assert (folder / CONTENTS_FILE).read_bytes() == before


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "changed": (lambda f: (f / "empty").write_bytes(b"\0"), "empty in .* was changed"),
    "shorter": (lambda f: (f / "weights.safetensors").write_bytes(b"number"), "weights"),
    "missing": (lambda f: (f / "empty").unlink(), "empty is missing"),
    "added": (lambda f: (f / "os.py").write_bytes(b""), r"os\.py was added"),
    "added deeper": (lambda f: (f / "MAR-INF/a.py").write_bytes(b""), r"MAR-INF/a\.py was added"),
    "renamed": (lambda f: (f / "empty").rename(f / "full"), "empty is missing"),
    "no list": (lambda f: (f / CONTENTS_FILE).unlink(), "cannot be read"),
    "no JSON": (lambda f: (f / CONTENTS_FILE).write_bytes(b"\x80\x04N."), "is damaged"),
    "a digest that is none": (
        lambda f: (f / CONTENTS_FILE).write_text('{"files": {"empty": "0"}}'),
        "is damaged",
    ),
    "an unknown member": (
        lambda f: (f / CONTENTS_FILE).write_text('{"files": {}, "skip": true}'),
        "is damaged",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_differs_is_refused_by_name(name: str, folder: Path) -> None:
    change, told = CHANGES[name]
    change(folder)
    with pytest.raises(SpecError, match=told):
        check_folder(folder)


def test_what_python_compiled_of_the_handler_is_left_out(folder: Path) -> None:
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "affect_handler.cpython-311.pyc").write_bytes(b"compiled")
    check_folder(folder)


@given(files=st.dictionaries(st.text(), st.binary(max_size=9), max_size=5))
def test_the_text_comes_back_in_any_order(files: dict[str, bytes]) -> None:
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    text = Contents(files=digests).text
    assert Contents.parse(text, "here").files == digests
    assert Contents(files=dict(reversed(digests.items()))).text == text
