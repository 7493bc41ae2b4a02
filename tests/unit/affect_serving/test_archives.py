"""Archives that were changed after the export, and those that no export would write."""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from pathlib import Path

import pytest

from affect_core.contents import DIGESTS_FILE
from affect_serving.archives import check_archives
from affect_serving.processes import ServerError
from affect_training import export
from live_store import reconfigure
from repacked import repack

NAMES = ["affect.mar", "affect-live.mar"]
MANIFEST = "MAR-INF/MANIFEST.json"


@pytest.fixture
def store(small_store: Path, tmp_path: Path) -> Path:
    for name in (*NAMES, DIGESTS_FILE):
        shutil.copy(small_store / name, tmp_path)
    return tmp_path


def read(archive: Path, name: str) -> bytes:
    with zipfile.ZipFile(archive) as packed:
        return packed.read(name)


def refused(store: Path, digests: Path | None = None) -> str:
    with pytest.raises(ServerError) as caught:
        check_archives(store, NAMES, digests)
    return str(caught.value)


def test_what_was_exported_is_served(store: Path) -> None:
    check_archives(store, NAMES)


@pytest.mark.parametrize("at", [0, 100, -1])
def test_one_changed_byte_is_noticed(at: int, store: Path) -> None:
    data = bytearray((store / "affect.mar").read_bytes())
    data[at] ^= 1
    (store / "affect.mar").write_bytes(data)
    assert "affect.mar is damaged" in refused(store)


def test_one_archive_cannot_pose_as_the_other(store: Path) -> None:
    shutil.copy(store / "affect.mar", store / "affect-live.mar")
    assert "affect-live.mar is damaged" in refused(store)


def test_digests_kept_elsewhere_go_before_those_of_whoever_writes_the_store(
    store: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept = tmp_path_factory.mktemp("kept") / "digests"
    shutil.copy(store / DIGESTS_FILE, kept)
    check_archives(store, NAMES, kept)
    repack(store / "affect.mar", {"MODEL_CARD.md": b"all is well"})
    check_archives(store, NAMES)
    assert "affect.mar is damaged" in refused(store, kept)


@pytest.mark.parametrize(
    ("digests", "told"),
    [
        (None, "cannot be read"),
        ("", "There is no digest of"),
        ("# empty\n", "is no list of SHA-256 digests"),
        ("\udcff", "is no list of SHA-256 digests"),
        ("0" * 64 + "  other.mar\n", "There is no digest of"),
    ],
)
def test_without_a_digest_nothing_is_served(digests: str | None, told: str, store: Path) -> None:
    (store / DIGESTS_FILE).unlink()
    if digests is not None:
        (store / DIGESTS_FILE).write_bytes(digests.encode(errors="surrogateescape"))
    assert told in refused(store)


# What carries digests that agree, and no export of ours would write.


@pytest.mark.parametrize(
    "name",
    [
        "sitecustomize.py",
        "affect_core/__init__.py",
        "__pycache__/affect_handler.cpython-311.pyc",
        "torch.so",
        "weights.pt",
        "requirements.txt",
        "../escaped.json",
        "/etc/escaped.json",
        "a/b.json",
    ],
)
def test_other_files_than_an_export_writes_are_refused(name: str, store: Path) -> None:
    repack(store / "affect.mar", {name: b"import os\n"})
    assert name in refused(store)


def test_a_file_that_is_there_twice_is_refused(store: Path) -> None:
    with (
        zipfile.ZipFile(store / "affect.mar", "a") as packed,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        packed.writestr("affect_handler.py", "import os\n")
    export.write_digests(store, NAMES)
    assert "a file twice" in refused(store)


def test_another_handler_than_the_installed_one_is_refused(store: Path) -> None:
    handler = read(store / "affect.mar", "affect_handler.py")
    repack(store / "affect.mar", {"affect_handler.py": handler + b"import os\n"})
    assert "not the one that is installed here" in refused(store)
    repack(store / "affect.mar", {"affect_handler.py": None})
    assert "not the one that is installed here" in refused(store)


def test_a_handler_of_torchserve_s_is_refused(store: Path) -> None:
    # `image_classifier` would torch.load the weights.
    manifest = json.loads(read(store / "affect.mar", MANIFEST))
    manifest["model"]["handler"] = "image_classifier"
    weights = pickle.dumps(print)
    changes = {MANIFEST: json.dumps(manifest).encode(), "weights.safetensors": weights}
    repack(store / "affect.mar", changes)
    assert "names another handler" in refused(store)


@pytest.mark.parametrize("manifest", [None, b"", b"[]", b"{}", b'{"model": []}'])
def test_a_manifest_that_is_none_is_refused(manifest: bytes | None, store: Path) -> None:
    repack(store / "affect.mar", {MANIFEST: manifest})
    assert "MANIFEST.json is missing or damaged" in refused(store)


@pytest.mark.parametrize("setting", ["minWorkers", "maxWorkers"])
def test_workers_that_would_make_each_other_stand_still_are_refused(
    setting: str, store: Path
) -> None:
    reconfigure(store / "affect.mar", **{setting: 2})
    assert "Run the service more than once instead" in refused(store)


@pytest.mark.parametrize("config", [b"", b"[]", b"minWorkers: 1", b"{"])
def test_a_configuration_that_is_none_is_refused(config: bytes, store: Path) -> None:
    repack(store / "affect.mar", {"model-config.yaml": config})
    assert "model-config.yaml is missing or damaged" in refused(store)


def test_contents_that_do_not_agree_are_refused_by_the_file_s_name(store: Path) -> None:
    repack(store / "affect.mar", {"MODEL_CARD.md": b"all is well"}, sign=False)
    assert "MODEL_CARD.md in affect.mar is damaged" in refused(store)
    repack(store / "affect.mar", {"contents.json": None}, sign=False)
    assert "holds no contents.json" in refused(store)


def test_what_is_no_archive_is_refused(store: Path) -> None:
    (store / "affect.mar").write_bytes(b"PK no zip")
    export.write_digests(store, NAMES)
    assert "affect.mar is not served" in refused(store)
