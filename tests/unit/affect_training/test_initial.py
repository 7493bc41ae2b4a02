from __future__ import annotations

import hashlib
import io
import logging
import pickle
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from torch import Tensor

from affect_core.model import AffectModel
from affect_core.spec import PreprocessSpec
from affect_core.vgg import VGG
from affect_training.initial import BackboneWeights, initial_model
from affect_training.networks.imagenet import PUBLISHED, DownloadError, Published

SMALL = PreprocessSpec(crop_size=32)
FILE = "vgg19-dcbb9e9d.pth"


class Site:
    """A server on this machine; `body` and `status` are what it answers."""

    def __init__(self) -> None:
        self.body = b""
        self.status = 200
        self.missing = 0
        """Bytes that are announced and never sent."""
        self.requests = 0
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests += 1
                self.send_response(site.status)
                self.send_header("Content-Length", str(len(site.body) + site.missing))
                self.end_headers()
                self.wfile.write(site.body)

            def log_message(self, *_: object) -> None:
                """Nothing of it on the terminal."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/models/{FILE}"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setitem(PUBLISHED, 19, Published(site.url, PUBLISHED[19].sha256_prefix))
    # A proxy of the machine's would stand between the test and its own server.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield site
    site.server.shutdown()
    site.server.server_close()
    thread.join()


def started(
    weights: BackboneWeights, cache: Path, progress: list[tuple[int, int]] | None = None
) -> tuple[AffectModel, str]:
    steps = progress if progress is not None else []
    model, spec = initial_model(
        weights, cache, lambda done, total: steps.append((done, total)), SMALL
    )
    assert spec.preprocess == SMALL
    assert not model.training
    return model, spec.provenance.trained_on


def published(monkeypatch: pytest.MonkeyPatch, body: bytes) -> bytes:
    """As if torchvision had published this file."""
    digest = hashlib.sha256(body).hexdigest()
    monkeypatch.setitem(PUBLISHED, 19, Published(PUBLISHED[19].url, digest[:8]))
    return body


def one_number_each() -> dict[str, Tensor]:
    """torchvision's names; each tensor is one number repeated, so the file is small."""
    state = {
        name: torch.full((1,), 0.01 * position).expand(value.shape)
        for position, (name, value) in enumerate(VGG(19).state_dict().items())
    }
    return {**state, "classifier.0.weight": torch.zeros(1), "classifier.0.bias": torch.zeros(1)}


def as_file(state: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def test_seeded_weights_need_no_network_and_are_the_same_each_time(
    site: Site, tmp_path: Path
) -> None:
    first, trained_on = started(BackboneWeights.SEEDED, tmp_path / "cache")
    second, _ = started(BackboneWeights.SEEDED, tmp_path / "cache")
    for name, value in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], value), name
    assert "random" in trained_on
    assert "ImageNet" not in trained_on
    assert site.requests == 0
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("weights", [BackboneWeights.IMAGENET, BackboneWeights.AUTO])
def test_imagenet_s_weights_are_fetched_once_and_go_into_the_backbone_alone(
    weights: BackboneWeights,
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = one_number_each()
    site.body = published(monkeypatch, as_file(expected))
    steps: list[tuple[int, int]] = []
    model, trained_on = started(weights, tmp_path, steps)
    for name, value in model.backbone.state_dict().items():
        assert torch.equal(value, expected[name]), name
    assert "ImageNet" in trained_on
    assert "Temporal model: random" in trained_on
    assert steps == sorted(steps)
    assert steps[-1] == (len(site.body), len(site.body))
    seeded, _ = started(BackboneWeights.SEEDED, tmp_path)
    for name, value in model.temporal.state_dict().items():
        assert torch.equal(value, seeded.temporal.state_dict()[name]), name
    started(weights, tmp_path)
    assert site.requests == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


class Unfit:
    """Ways in which a download fails."""

    @staticmethod
    def digest(site: Site) -> None:
        site.body = b"something else"

    @staticmethod
    def status(site: Site) -> None:
        site.status = 404

    @staticmethod
    def cut(site: Site) -> None:
        site.body, site.missing = b"the first part", 1000

    @staticmethod
    def empty(site: Site) -> None:
        site.body = b""


FAILURES = [Unfit.digest, Unfit.status, Unfit.cut, Unfit.empty]


@pytest.mark.parametrize("fail", FAILURES, ids=lambda fail: fail.__name__)
def test_a_download_that_fails_is_an_error_and_leaves_nothing(
    fail: object, site: Site, tmp_path: Path
) -> None:
    assert callable(fail)
    fail(site)
    with pytest.raises(DownloadError, match=FILE):
        started(BackboneWeights.IMAGENET, tmp_path)
    assert site.requests == 1
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        absent = Published(f"http://127.0.0.1:{port}/{FILE}", PUBLISHED[19].sha256_prefix)
        monkeypatch.setitem(PUBLISHED, 19, absent)
        with pytest.raises(DownloadError, match="cannot be downloaded"):
            started(BackboneWeights.IMAGENET, tmp_path)


def test_auto_falls_back_to_seeded_weights_with_a_warning(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Unfit.digest(site)
    with caplog.at_level(logging.WARNING, "affect_training"):
        model, trained_on = started(BackboneWeights.AUTO, tmp_path)
    seeded, said = started(BackboneWeights.SEEDED, tmp_path)
    assert trained_on == said
    assert torch.equal(
        model.state_dict()["backbone.features.0.weight"],
        seeded.state_dict()["backbone.features.0.weight"],
    )
    warnings = [record for record in caplog.records if record.name.startswith("affect_training")]
    assert [record.levelname for record in warnings] == ["WARNING"]
    assert "seeded" in warnings[0].getMessage()


class Touch:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_downloaded_file_runs_no_code(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "code-ran"
    site.body = published(monkeypatch, as_file({"features.0.weight": Touch(marker)}))
    with pytest.raises(pickle.UnpicklingError):
        started(BackboneWeights.IMAGENET, tmp_path / "cache")
    assert not marker.exists()


def test_a_damaged_file_in_the_cache_is_not_used(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.body = published(monkeypatch, as_file(one_number_each()))
    (tmp_path / FILE).write_bytes(site.body[: len(site.body) // 2])
    started(BackboneWeights.AUTO, tmp_path)
