"""Published weights from the cache; fetching them is tested with the initial model."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import pytest
import torch

from affect_core.vgg import VGG, Depth
from affect_training.errors import TrainingError
from affect_training.networks.imagenet import PUBLISHED, DownloadError, Published, load_imagenet


def test_a_file_in_the_cache_is_loaded_without_asking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = VGG(16)
    state = {
        name: torch.full((1,), 0.01 * place).expand(value.shape)
        for place, (name, value) in enumerate(backbone.state_dict().items())
    }
    file = tmp_path / "vgg16-397923af.pth"
    torch.save({**state, "classifier.0.weight": torch.zeros(1)}, file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setitem(PUBLISHED, 16, Published(PUBLISHED[16].url, digest[:8]))
    monkeypatch.setattr(httpx, "stream", None)  # asking would fail
    calls: list[tuple[int, int]] = []
    load_imagenet(backbone, 16, tmp_path, lambda done, total: calls.append((done, total)))
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, state[name]), name
    assert calls == []


def test_a_damaged_file_in_the_cache_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vgg16-397923af.pth").write_bytes(b"half a file")

    def unreachable(*_: object, **__: object) -> None:
        raise httpx.ConnectError("no route")

    monkeypatch.setattr(httpx, "stream", unreachable)
    with pytest.raises(DownloadError, match=r"vgg16-397923af\.pth cannot be downloaded") as raised:
        load_imagenet(VGG(16), 16, tmp_path, lambda done, total: None)
    assert isinstance(raised.value, TrainingError)  # so that commands end with its sentence


@pytest.mark.parametrize("depth", list(PUBLISHED))
def test_the_digest_is_the_one_in_the_name(depth: Depth) -> None:
    published = PUBLISHED[depth]
    assert published.url.endswith(f"/vgg{depth}-{published.sha256_prefix}.pth")
