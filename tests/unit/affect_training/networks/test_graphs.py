"""Exported networks against the networks themselves."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from affect_core.checkpoint import GRAPH_FILE, graph_bytes, save_checkpoint
from affect_core.graph import Graph, GraphBackbone
from affect_core.model import AffectModel, build_temporal, seed_temporal
from affect_core.spec import ArchitectureSpec, ModelSpec, PreprocessSpec, Provenance, RecurrentSpec
from affect_training.networks.backbones import (
    BackboneConfig,
    build_backbone,
    served_backbone,
    shape_of,
)
from affect_training.networks.graphs import UnsupportedNetworkError, export_graph

SIDE = 96


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def trained(name: str, cache: Path) -> nn.Module:
    """A network with running statistics and affine maps of its own, as training leaves them."""
    config = BackboneConfig(name=name, weights="random")
    network = build_backbone(config, 5, cache, lambda done, total: None)
    generator = torch.Generator().manual_seed(6)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.7, 1.3, generator=generator)
            nn.init.uniform_(module.weight, 0.7, 1.3, generator=generator)
            nn.init.normal_(module.bias, 0, 0.1, generator=generator)
    return network.eval().requires_grad_(requires_grad=False)


def from_disk(backbone: GraphBackbone) -> GraphBackbone:
    """The same graph by way of its bytes."""
    read = GraphBackbone(Graph.model_validate_json(graph_bytes(backbone.graph)))
    tensors = {name: value.contiguous() for name, value in backbone.state_dict().items()}
    read.load_state_dict(safetensors.torch.load(safetensors.torch.save(tensors)))
    return read.eval()


@pytest.mark.parametrize("name", ["resnet34", "resnet50", "inception_v3"])
def test_a_graph_gives_the_network_s_features(name: str, tmp_path: Path) -> None:
    network = trained(name, tmp_path)
    backbone = from_disk(export_graph(network, SIDE))
    with torch.inference_mode():
        for batch in (1, 3):
            frames = noise(batch, 3, SIDE, SIDE, seed=batch)
            expected = network(frames)
            assert expected.std() > 1e-3
            assert (expected[0] - expected[-1]).abs().max() > 1e-3 or batch == 1
            torch.testing.assert_close(backbone(frames), expected, rtol=1e-5, atol=1e-5)
        halved = backbone.to(torch.bfloat16)(frames.bfloat16())
    assert halved.dtype == torch.bfloat16
    assert (halved.float() - expected).norm() < 0.05 * expected.norm()


def test_a_graph_depends_on_the_network_alone(tmp_path: Path) -> None:
    first, second = (export_graph(trained("resnet10t", tmp_path), 64) for _ in range(2))
    assert graph_bytes(first.graph) == graph_bytes(second.graph)


LOAD_WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"timm", "torchvision", "affect_training"}:
            raise ModuleNotFoundError(f"no {name} on a server")
sys.meta_path.insert(0, Missing())
from pathlib import Path
import safetensors.torch, torch
from affect_core.checkpoint import load_checkpoint
torch.set_num_threads(1)
folder = Path(sys.argv[1])
model = load_checkpoint(folder).model
crops = safetensors.torch.load_file(folder / "crops")["crops"]
with torch.inference_mode():
    features = model.features(crops).contiguous()
safetensors.torch.save_file({"features": features}, folder / "features")
try:
    import timm
except ModuleNotFoundError:
    print("done without timm")
"""


def test_a_checkpoint_with_a_graph_serves_where_timm_is_not_installed(tmp_path: Path) -> None:
    config = BackboneConfig(name="resnet10t", weights="random")
    network = trained("resnet10t", tmp_path)
    named, backbone = served_backbone(config, network, 64)
    spec = ModelSpec(
        preprocess=PreprocessSpec(crop_size=64),
        architecture=ArchitectureSpec(
            backbone=named, temporal=RecurrentSpec(kind="gru", hidden_size=4)
        ),
        provenance=Provenance(trained_on="nothing, for tests"),
    )
    temporal = build_temporal(spec.architecture.temporal, shape_of(backbone, 64))
    seed_temporal(temporal, torch.Generator().manual_seed(1))
    model = AffectModel(backbone, temporal, spec.preprocess)
    save_checkpoint(tmp_path, model, spec)
    generator = torch.Generator().manual_seed(2)
    crops = torch.randint(0, 256, (3, 64, 64, 3), generator=generator, dtype=torch.uint8)
    safetensors.torch.save_file({"crops": crops}, tmp_path / "crops")
    ran = subprocess.run(
        [sys.executable, "-c", LOAD_WITHOUT, tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.strip() == "done without timm", ran.stderr
    features = safetensors.torch.load_file(tmp_path / "features")["features"]
    with torch.inference_mode():
        expected = network((crops.permute(0, 3, 1, 2).float() - model.mean) / model.std)
    torch.testing.assert_close(features, expected, rtol=1e-5, atol=1e-5)
    digest = hashlib.sha256((tmp_path / GRAPH_FILE).read_bytes()).hexdigest()
    assert digest == getattr(named, "sha256", None)


class SamePooling(nn.Module):
    """Pooling as timm's `MaxPool2dSame`: padded with minus infinity."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, frames: Tensor) -> Tensor:
        padded = nn.functional.pad(self.conv(frames), (0, 1, 0, 1), value=-torch.inf)
        return nn.functional.max_pool2d(padded, 2, 2)


def test_padding_with_minus_infinity_is_kept() -> None:
    network, frames = SamePooling().eval(), noise(2, 3, 33, 33, seed=4)
    with torch.inference_mode():
        assert torch.equal(from_disk(export_graph(network, 33))(frames), network(frames))


class Sorting(nn.Module):
    def forward(self, frames: Tensor) -> Tensor:
        return frames.sort(dim=1).values


class Branching(nn.Module):
    def forward(self, frames: Tensor) -> Tensor:
        return frames if frames.mean() > 0 else -frames


class Pair(nn.Module):
    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        return frames + 1, frames + 2


@pytest.mark.parametrize(
    ("network", "said"), [(Sorting(), "aten.sort"), (Branching(), "cannot be exported")]
)
def test_a_network_that_a_graph_cannot_hold_is_refused(network: nn.Module, said: str) -> None:
    with pytest.raises(UnsupportedNetworkError, match=said) as raised:
        export_graph(network, 32)
    assert type(network).__name__ in str(raised.value)


def test_a_network_of_two_outputs_is_refused() -> None:
    with pytest.raises(UnsupportedNetworkError, match="one output"):
        export_graph(Pair(), 32)
