"""What stages train, against the model that serves."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from affect_core.model import AffectModel
from affect_core.spec import ModelSpec
from affect_core.vgg import vgg_channels
from affect_training.fit.networks import FeatureNetwork, FrameNetwork, SequenceNetwork
from models import SMALL, lively_model


@pytest.fixture(scope="module")
def model(tiny_spec: ModelSpec) -> AffectModel:
    return lively_model(tiny_spec)


MASK = torch.tensor([[True, True, True], [True, False, False]])


def crops(filler: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    made = torch.randint(0, 256, (2, 3, 32, 32, 3), generator=generator, dtype=torch.uint8)
    made[~MASK] = filler
    return made


def test_sequences_give_what_the_model_serves(model: AffectModel) -> None:
    network = SequenceNetwork(model)
    outputs, after = network(crops(0), MASK, network.initial_state(2))
    for row, count in enumerate((3, 1)):
        features = model.features(crops(0)[row, :count])[None]
        expected, wanted = model.temporal(
            features, MASK[row : row + 1, :count], model.temporal.initial_state(1)
        )
        torch.testing.assert_close(outputs[row, :count], expected[0], rtol=0, atol=1e-5)
        for memory, own in zip(after, wanted, strict=True):
            torch.testing.assert_close(memory[row], own[0], rtol=0, atol=1e-5)


def test_padding_never_reaches_the_backbone(
    model: AffectModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, seen = SequenceNetwork(model), []
    features = AffectModel.features

    def counted(self: AffectModel, frames: Tensor) -> Tensor:
        seen.append(len(frames))
        return features(self, frames)

    monkeypatch.setattr(AffectModel, "features", counted)
    black, _ = network(crops(0), MASK, network.initial_state(2))
    white, _ = network(crops(255), MASK, network.initial_state(2))
    assert seen == [4, 4]
    assert torch.equal(black[MASK], white[MASK])


def test_features_kept_on_disk_give_the_same(model: AffectModel) -> None:
    whole, features = SequenceNetwork(model), FeatureNetwork(model.temporal)
    made = model.features(crops(0).flatten(0, 1)).half().view(2, 3, vgg_channels(SMALL.width), 1, 1)
    expected, _ = whole(crops(0), MASK, whole.initial_state(2))
    outputs, _ = features(made, MASK, features.initial_state(2))
    assert outputs.dtype == torch.float32
    torch.testing.assert_close(outputs[MASK], expected[MASK], rtol=0, atol=2e-2)


def test_frames_are_valued_each_by_itself(model: AffectModel) -> None:
    network = FrameNetwork(model, model.backbone, vgg_channels(SMALL.width))
    assert network.initial_state(2) == ()
    outputs, _ = network(crops(0), MASK, ())
    assert outputs.shape == (2, 3, 2)
    pooled = model.features(crops(0)[0, :1]).mean((2, 3))
    (linear,) = network.head
    expected = torch.tanh(pooled @ linear.weight.T + linear.bias)  # type: ignore[operator]
    torch.testing.assert_close(outputs[0, :1], expected, rtol=0, atol=1e-5)
    names = {name.partition(".")[0] for name in network.state_dict()}
    assert names == {"backbone", "head"}  # what is kept serves any temporal model
