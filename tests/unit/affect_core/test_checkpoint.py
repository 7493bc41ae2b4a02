from __future__ import annotations

import contextlib
import hashlib
import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from affect_core.checkpoint import (
    GRAPH_FILE,
    SPEC_FILE,
    WEIGHTS_FILE,
    graph_bytes,
    load_checkpoint,
    save_checkpoint,
)
from affect_core.errors import SpecError
from affect_core.graph import Call, Graph, Items, Value, Weight
from affect_core.model import AffectModel, build_model, seed_parameters
from affect_core.spec import GraphSpec, ModelSpec, RecurrentSpec

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def saved(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: AffectModel, tiny_spec: ModelSpec
) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint") / "new" / "folder"
    save_checkpoint(folder, tiny_model, tiny_spec)
    return folder


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def beside(saved: Path, folder: Path, change: Change) -> Path:
    """The saved weights with another spec file."""
    (folder / WEIGHTS_FILE).symlink_to(saved / WEIGHTS_FILE)
    described = json.loads((saved / SPEC_FILE).read_text())
    change(described)
    (folder / SPEC_FILE).write_text(json.dumps(described))
    return folder


def test_what_is_saved_comes_back_equal_and_ready_to_serve(
    saved: Path, tiny_model: AffectModel, tiny_spec: ModelSpec
) -> None:
    checkpoint = load_checkpoint(saved)
    assert checkpoint.spec == tiny_spec
    assert checkpoint.weights_sha256 == sha256(saved / WEIGHTS_FILE)
    loaded, original = checkpoint.model.state_dict(), tiny_model.state_dict()
    assert list(loaded) == list(original)
    for name, value in original.items():
        assert torch.equal(loaded[name], value), name
    assert not checkpoint.model.training
    assert not any(parameter.requires_grad for parameter in checkpoint.model.parameters())
    assert torch.equal(checkpoint.model.mean, tiny_model.mean)
    assert torch.equal(checkpoint.model.std, tiny_model.std)


def test_the_same_model_gives_the_same_bytes(
    saved: Path, tmp_path: Path, tiny_model: AffectModel, tiny_spec: ModelSpec
) -> None:
    save_checkpoint(tmp_path, tiny_model, tiny_spec)
    assert sorted(path.name for path in tmp_path.iterdir()) == [SPEC_FILE, WEIGHTS_FILE]
    for name in (SPEC_FILE, WEIGHTS_FILE):
        assert sha256(tmp_path / name) == sha256(saved / name)


def test_the_weights_are_safetensors(saved: Path) -> None:
    with (saved / WEIGHTS_FILE).open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    assert "backbone.features.0.weight" in header
    assert {entry["dtype"] for name, entry in header.items() if name != "__metadata__"} == {"F32"}


def test_loading_unpickles_nothing(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("pickle was asked")

    for module, name in ((pickle, "load"), (pickle, "loads"), (torch, "load")):
        monkeypatch.setattr(module, name, refuse)
    load_checkpoint(saved)


def test_a_changed_byte_in_the_weights_is_noticed(saved: Path, tmp_path: Path) -> None:
    data = bytearray((saved / WEIGHTS_FILE).read_bytes())
    data[-1] ^= 1
    (tmp_path / WEIGHTS_FILE).write_bytes(data)
    (tmp_path / SPEC_FILE).write_bytes((saved / SPEC_FILE).read_bytes())
    with pytest.raises(SpecError, match=WEIGHTS_FILE) as raised:
        load_checkpoint(tmp_path)
    assert sha256(tmp_path / WEIGHTS_FILE) in str(raised.value)
    assert sha256(saved / WEIGHTS_FILE) in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"not safetensors", b"\x80\x04N."])
def test_weights_that_are_none_are_noticed_even_with_their_own_digest(
    saved: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / WEIGHTS_FILE).write_bytes(content)
    described = json.loads((saved / SPEC_FILE).read_text())
    described["weights_sha256"] = hashlib.sha256(content).hexdigest()
    (tmp_path / SPEC_FILE).write_text(json.dumps(described))
    with pytest.raises(SpecError, match=WEIGHTS_FILE):
        load_checkpoint(tmp_path)


def set_in(*path: str, value: object) -> Change:
    def change(described: dict[str, Any]) -> None:
        *parents, last = path
        for parent in parents:
            described = described[parent]
        described[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (set_in("model", "preprocess", "sharpness", value=3), "sharpness"),
        (set_in("model", "beauty", value=True), "beauty"),
        (set_in("comment", value="hello"), "comment"),
        (set_in("model", "format_version", value=2), "format_version"),
        (set_in("model", "architecture", "backbone", value="vgg17"), "backbone"),
        (set_in("model", "preprocess", "detector", value="oracle"), "detector"),
        (set_in("model", "preprocess", "crop_size", value=31), "crop_size"),
        (set_in("model", "architecture", "temporal", "kernel_size", value=4), "odd"),
        (set_in("model", "provenance", "trained_on", value=""), "trained_on"),
        (set_in("weights_sha256", value="beef"), "weights_sha256"),
        (lambda described: described.pop("weights_sha256"), "weights_sha256"),
        (lambda described: described["model"].pop("provenance"), "provenance"),
    ],
)
def test_a_spec_that_asks_for_the_unknown_is_refused_by_name(
    saved: Path, tmp_path: Path, change: Change, named: str
) -> None:
    with pytest.raises(SpecError, match=named) as raised:
        load_checkpoint(beside(saved, tmp_path, change))
    assert SPEC_FILE in str(raised.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (set_in("model", "preprocess", "crop_size", value=64), "peephole"),
        (set_in("model", "architecture", "temporal", "hidden_channels", value=[32, 16]), "layers"),
        (set_in("model", "architecture", "temporal", "head_features", value=[]), "head"),
        (set_in("weights_sha256", value="0" * 64), "0" * 64),
        (
            set_in("model", "architecture", "temporal", "hidden_channels", value=[-1]),
            "hidden_channels",
        ),
    ],
)
def test_a_spec_of_other_weights_is_refused(
    saved: Path, tmp_path: Path, change: Change, named: str
) -> None:
    def change_and_sign(described: Any) -> None:
        change(described)
        with contextlib.suppress(ValidationError):
            model = ModelSpec.model_validate_json(json.dumps(described["model"]))
            digest = hashlib.sha256(model.model_dump_json().encode()).hexdigest()
            described["model_sha256"] = digest

    with pytest.raises(SpecError, match=named):
        load_checkpoint(beside(saved, tmp_path, change_and_sign))


def test_a_spec_that_was_changed_after_saving_is_noticed(saved: Path, tmp_path: Path) -> None:
    change = set_in("model", "preprocess", "crop_margin", value=0.5)
    with pytest.raises(SpecError, match="was changed"):
        load_checkpoint(beside(saved, tmp_path, change))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 10_000])
def test_a_damaged_spec_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / SPEC_FILE).write_bytes(content)
    with pytest.raises(SpecError, match=SPEC_FILE):
        load_checkpoint(tmp_path)


def test_a_missing_spec_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=SPEC_FILE):
        load_checkpoint(tmp_path)
    with pytest.raises(SpecError, match=SPEC_FILE):
        load_checkpoint(tmp_path / "nowhere")


def test_missing_weights_are_named(saved: Path, tmp_path: Path) -> None:
    (tmp_path / SPEC_FILE).write_bytes((saved / SPEC_FILE).read_bytes())
    with pytest.raises(SpecError, match=WEIGHTS_FILE):
        load_checkpoint(tmp_path)


# A backbone that is a graph.

GRAPH = Graph(
    input="x",
    calls=(
        Call(
            name="conv",
            operator="aten.conv2d.default",
            arguments=(
                Value(name="x"),
                Weight(name="w_conv"),
                None,
                Items(items=(16, 16)),
            ),
        ),
        Call(name="y", operator="aten.relu.default", arguments=(Value(name="conv"),)),
    ),
    output="y",
    weights={"w_conv": (5, 3, 3, 3)},
)


@pytest.fixture(scope="module")
def graph_saved(tmp_path_factory: pytest.TempPathFactory, tiny_spec: ModelSpec) -> Path:
    folder = tmp_path_factory.mktemp("graph-checkpoint")
    backbone = GraphSpec(
        name="striding",
        channels=5,
        map_size=2,
        sha256=hashlib.sha256(graph_bytes(GRAPH)).hexdigest(),
    )
    architecture = tiny_spec.architecture.model_copy(
        update={"backbone": backbone, "temporal": RecurrentSpec(kind="gru", hidden_size=3)}
    )
    spec = tiny_spec.model_copy(update={"architecture": architecture})
    model = build_model(spec, GRAPH)
    seed_parameters(model, 3)
    with torch.no_grad():
        model.backbone.get_parameter("w_conv").copy_(torch.linspace(-1, 1, 135).view(5, 3, 3, 3))
    save_checkpoint(folder, model, spec)
    return folder


def graph_beside(graph_saved: Path, folder: Path, content: bytes | None) -> Path:
    """The saved checkpoint with another graph file, or none."""
    for name in (SPEC_FILE, WEIGHTS_FILE):
        (folder / name).symlink_to(graph_saved / name)
    if content is not None:
        (folder / GRAPH_FILE).write_bytes(content)
    return folder


def sign_graph(folder: Path, graph: bytes) -> None:
    """Make the folder's spec one of another graph."""
    described = json.loads((folder / SPEC_FILE).read_text())
    described["model"]["architecture"]["backbone"]["sha256"] = hashlib.sha256(graph).hexdigest()
    model = ModelSpec.model_validate_json(json.dumps(described["model"]))
    described["model_sha256"] = hashlib.sha256(model.model_dump_json().encode()).hexdigest()
    (folder / SPEC_FILE).unlink()
    (folder / SPEC_FILE).write_text(json.dumps(described))
    (folder / GRAPH_FILE).write_bytes(graph)


def test_a_graph_backbone_comes_back_and_gives_the_same_features(graph_saved: Path) -> None:
    names = sorted(path.name for path in graph_saved.iterdir())
    assert names == sorted([GRAPH_FILE, SPEC_FILE, WEIGHTS_FILE])
    checkpoint = load_checkpoint(graph_saved)
    crops = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    frames = (crops.permute(0, 3, 1, 2) - checkpoint.model.mean) / checkpoint.model.std
    weight = torch.linspace(-1, 1, 135).view(5, 3, 3, 3)
    expected = torch.nn.functional.conv2d(frames, weight, stride=16).relu()
    torch.testing.assert_close(checkpoint.model.features(crops), expected, rtol=0, atol=1e-5)
    assert checkpoint.spec.architecture.name == "striding-gru"


def test_a_missing_graph_is_named(graph_saved: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=GRAPH_FILE):
        load_checkpoint(graph_beside(graph_saved, tmp_path, None))


@pytest.mark.parametrize(
    "change",
    [
        lambda graph: graph + b" ",
        lambda graph: graph.replace(b"[16,16]", b"[16,17]"),
        lambda graph: graph.replace(b"16", b"17"),
        lambda graph: b"",
    ],
)
def test_a_changed_graph_is_noticed(
    graph_saved: Path, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    original = (graph_saved / GRAPH_FILE).read_bytes()
    assert change(original) != original
    with pytest.raises(SpecError, match=GRAPH_FILE):
        load_checkpoint(graph_beside(graph_saved, tmp_path, change(original)))


def test_a_graph_that_calls_what_it_may_not_is_refused_even_with_its_own_digest(
    graph_saved: Path, tmp_path: Path
) -> None:
    graph_beside(graph_saved, tmp_path, None)
    graph = (graph_saved / GRAPH_FILE).read_bytes()
    sign_graph(tmp_path, graph.replace(b"aten.relu.default", b"aten.from_file.default"))
    with pytest.raises(SpecError, match=f"{GRAPH_FILE}.*(?s:.)*aten.from_file"):
        load_checkpoint(tmp_path)


def test_a_graph_of_other_weights_is_refused(graph_saved: Path, tmp_path: Path) -> None:
    graph_beside(graph_saved, tmp_path, None)
    graph = (graph_saved / GRAPH_FILE).read_bytes()
    sign_graph(tmp_path, graph.replace(b"w_conv", b"w_other"))
    with pytest.raises(SpecError, match="w_other"):
        load_checkpoint(tmp_path)


def test_a_spec_whose_backbone_is_a_graph_needs_one(graph_saved: Path) -> None:
    with pytest.raises(ValueError, match="striding needs its graph"):
        build_model(load_checkpoint(graph_saved).spec)
