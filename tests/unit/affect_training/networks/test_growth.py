"""A VGG that grows: what it computes before and after, and what of it learns."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from affect_core.model import seed_backbone
from affect_core.vgg import VGG, Depth
from affect_training.networks import growth
from affect_training.networks.batch_norm import with_batch_norm
from affect_training.networks.growth import deepen, rectified_moments, shallow

DEPTHS: tuple[Depth, ...] = (11, 13, 16, 19)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def backbone() -> nn.Sequential:
    plain = VGG(19)
    seed_backbone(plain, generator(0))
    return with_batch_norm(plain)


def frames(count: int = 8) -> Tensor:
    return torch.randn(count, 3, 32, 32, generator=generator(1))


def settle(network: nn.Sequential) -> None:
    """Weights and statistics of batch norm as training leaves them: not 0 and 1."""
    for number, module in enumerate(network):
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator(number))
            nn.init.normal_(module.bias, 0, 0.3, generator=generator(number))
            module.momentum = 1.0
    network.train()(frames(24))
    network.eval()


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_shallow_one_has_the_layers_of_the_paper_s_table(
    backbone: nn.Sequential, depth: Depth
) -> None:
    network = shallow(backbone, depth)
    convolutions = [module for module in network if isinstance(module, nn.Conv2d)]
    assert len(convolutions) == depth - 3  # fully connected layers count in its name
    widths = [convolution.out_channels for convolution in convolutions]
    assert widths == sorted(widths)
    assert {id(module) for module in network} <= {id(module) for module in backbone}
    assert network(frames(2)).shape == backbone(frames(2)).shape == (2, 512, 1, 1)


def test_all_layers_are_the_whole_network(backbone: nn.Sequential) -> None:
    assert list(shallow(backbone, 19)) == list(backbone)


@pytest.mark.parametrize(("before", "after"), [(11, 13), (11, 19), (16, 19)])
def test_what_is_added_passes_its_input_on(
    backbone: nn.Sequential, before: Depth, after: Depth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "_NOISE", 0.0)
    settle(shallow(backbone, before))
    with torch.no_grad():
        expected = shallow(backbone, before)(frames())
        deepen(backbone, before, after, generator(3))
        got = shallow(backbone, after).eval()(frames())
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("training", [False, True])
def test_with_noise_it_still_does_what_it_did(backbone: nn.Sequential, *, training: bool) -> None:
    settle(shallow(backbone, 11))
    with torch.no_grad():
        expected = shallow(backbone, 11).train(training)(frames(24))
        random = backbone.train(training)(frames(24))
        settle(shallow(backbone, 11))
        deepen(backbone, 11, 19, generator(3))
        got = backbone.train(training)(frames(24))

    def correlation(maps: Tensor) -> float:
        return float(torch.corrcoef(torch.stack((maps.flatten(), expected.flatten())))[0, 1])

    assert correlation(got) > 0.7  # 0.78 and 0.83; random weights amplify what is added
    assert abs(correlation(random)) < 0.3


def test_layers_that_were_trained_stay_as_they_are(backbone: nn.Sequential) -> None:
    kept = {name: value.clone() for name, value in shallow(backbone, 13).state_dict().items()}
    deepen(backbone, 13, 19, generator(3))
    for name, value in shallow(backbone, 13).state_dict().items():
        assert torch.equal(value, kept[name]), name


def test_without_more_layers_nothing_changes(backbone: nn.Sequential) -> None:
    kept = {name: value.clone() for name, value in backbone.state_dict().items()}
    deepen(backbone, 19, 19, generator(3))
    assert all(torch.equal(value, kept[name]) for name, value in backbone.state_dict().items())


def test_new_weights_differ_from_each_other_and_follow_the_generator(
    backbone: nn.Sequential,
) -> None:
    deepen(backbone, 11, 19, generator(3))
    first = [value.clone() for value in backbone.state_dict().values()]
    deepen(backbone, 11, 19, generator(3))
    assert all(map(torch.equal, backbone.state_dict().values(), first))
    added = next(m for m in list(backbone)[3:] if isinstance(m, nn.Conv2d))
    rows = {tuple(row) for row in added.weight.flatten(1).tolist()}
    assert len(rows) == added.out_channels
    deepen(backbone, 11, 19, generator(4))
    assert not torch.equal(added.weight, first[[*backbone.state_dict()].index("3.weight")])


def test_without_batch_norm_it_is_refused() -> None:
    with pytest.raises(TypeError, match="batch norm"):
        shallow(nn.Sequential(*VGG(16).features), 11)


def test_moments_of_what_relu_leaves() -> None:
    mean = torch.tensor([-3.0, -0.5, 0.0, 0.7, 4.0], dtype=torch.float64)
    deviation = torch.tensor([0.5, 1.0, -2.0, 0.3, 1.0], dtype=torch.float64)
    drawn = torch.randn(400_000, 5, generator=generator(0), dtype=torch.float64)
    expected = (mean + deviation * drawn).relu()
    got_mean, got_variance = rectified_moments(mean, deviation)
    assert torch.allclose(got_mean, expected.mean(0), atol=0.01)
    assert torch.allclose(got_variance, expected.var(0), atol=0.02)
