"""A model on disk: `weights.safetensors` and `spec.json`, bound by digests. No pickle.

A backbone that is a graph adds `backbone.json`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from torch import Tensor

from affect_core.contents import sha256_of_stream
from affect_core.errors import SpecError
from affect_core.graph import Graph, GraphBackbone
from affect_core.model import AffectModel, build_model
from affect_core.spec import GraphSpec, ModelSpec

WEIGHTS_FILE = "weights.safetensors"
SPEC_FILE = "spec.json"
GRAPH_FILE = "backbone.json"


class _SpecFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ModelSpec
    model_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    weights_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded model with its spec and the SHA-256 (hex) of its weights file."""

    model: AffectModel
    spec: ModelSpec
    weights_sha256: str


def checkpoint_files(model: AffectModel, spec: ModelSpec) -> dict[str, bytes]:
    """A checkpoint's files by name, in the order in which they are to be written.

    The same model and spec give the same bytes.
    """
    files = {WEIGHTS_FILE: _weights_bytes(model)}
    if isinstance(model.backbone, GraphBackbone):
        files[GRAPH_FILE] = graph_bytes(model.backbone.graph)
    described = _SpecFile(
        model=spec,
        model_sha256=_spec_sha256(spec),
        weights_sha256=hashlib.sha256(files[WEIGHTS_FILE]).hexdigest(),
    )
    files[SPEC_FILE] = described.model_dump_json(indent=2).encode() + b"\n"
    return files


def weights_digest(model: AffectModel) -> str:
    """The SHA-256 (hex) that the weights file of a checkpoint of this model has."""
    return hashlib.sha256(_weights_bytes(model)).hexdigest()


def save_checkpoint(folder: Path, model: AffectModel, spec: ModelSpec) -> None:
    """Write a checkpoint's files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in checkpoint_files(model, spec).items():
        (folder / name).write_bytes(content)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint onto the CPU, in evaluation mode.

    Raises:
        SpecError: a file is missing or damaged, the digest does not match, or the spec asks
            for what this version does not know.
    """
    spec_file = _read_spec(folder / SPEC_FILE)
    if _spec_sha256(spec_file.model) != spec_file.model_sha256:
        raise SpecError(
            f"{folder / SPEC_FILE} was changed after it was written. Export the archive again."
        )
    weights = folder / WEIGHTS_FILE
    if not weights.is_file():
        raise SpecError(f"{weights} is missing; export the archive again.")
    digest = sha256_of(weights)
    if digest != spec_file.weights_sha256:
        raise SpecError(
            f"{weights} has SHA-256 {digest}, and its spec names {spec_file.weights_sha256}: "
            "the weights are damaged or are not this spec's. Export the archive again."
        )
    model = build_model(spec_file.model, _read_graph(folder, spec_file.model))
    _load_weights(model, weights)
    return Checkpoint(model.eval().requires_grad_(requires_grad=False), spec_file.model, digest)


def graph_bytes(graph: Graph) -> bytes:
    """A graph as its file holds it; `GraphSpec.sha256` is this text's digest."""
    return graph.model_dump_json().encode()


def _weights_bytes(model: AffectModel) -> bytes:
    """In float16 where that loses nothing.

    Weights that were read from float16 give the same file, and digest, again.
    """
    tensors = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    halves = {name: value.half() for name, value in tensors.items()}
    same = all(
        torch.equal(half.to(tensors[name].dtype), tensors[name]) for name, half in halves.items()
    )
    return safetensors.torch.save(halves if same else tensors)


def _read_graph(folder: Path, spec: ModelSpec) -> Graph | None:
    backbone = spec.architecture.backbone
    if not isinstance(backbone, GraphSpec):
        return None
    path = folder / GRAPH_FILE
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != backbone.sha256:
            raise SpecError(f"{path} is not the graph its spec names. Export the archive again.")
        return Graph.model_validate_json(content)
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise SpecError(f"{path} asks for what this version cannot run. {error}") from error


def _load_weights(model: AffectModel, path: Path) -> None:
    try:
        tensors: dict[str, Tensor] = safetensors.torch.load_file(path)
        model.load_state_dict(tensors)
    except (SafetensorError, RuntimeError) as error:
        raise SpecError(f"{path} does not hold the weights its spec describes: {error}") from error


def _read_spec(path: Path) -> _SpecFile:
    try:
        return _SpecFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise SpecError(
            f"{path} asks for what this version of affectline cannot honour; "
            f"upgrade affectline or export the model again. {error}"
        ) from error


def _spec_sha256(spec: ModelSpec) -> str:
    return hashlib.sha256(spec.model_dump_json().encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return sha256_of_stream(file)
