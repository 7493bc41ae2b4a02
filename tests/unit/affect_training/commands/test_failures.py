"""What is wrong is one sentence and exit code 1, whichever the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from affect_core.errors import SpecError
from affect_core.model import AffectModel
from affect_core.spec import ModelSpec
from affect_training.commands import export
from affect_training.commands.failures import reported
from affect_training.commands.synth import synth
from affect_training.errors import TrainingError
from affect_training.networks.imagenet import DownloadError


def invoked(command: Any, *arguments: object) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(command)
    done = CliRunner().invoke(app, [str(one) for one in arguments], env={"COLUMNS": "400"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TrainingError("No [rated] clip."), "No [rated] clip."),
        (SpecError("No spec."), "No spec."),
        (OSError(28, "No space left on device", "/data/x"), "No space left on device (/data/x)."),
    ],
)
def test_what_is_foreseen_is_a_sentence(error: Exception, said: str) -> None:
    console = Console(width=400)
    with console.capture() as captured, pytest.raises(typer.Exit) as ended, reported(console):
        raise error
    assert ended.value.exit_code == 1
    assert captured.get().startswith(said)


def test_what_is_not_foreseen_goes_on() -> None:
    with pytest.raises(ZeroDivisionError), reported(Console()):
        raise ZeroDivisionError


def test_long_paths_are_not_broken() -> None:
    console = Console(width=40)
    path = "/data/" + "deep/" * 20
    with console.capture() as captured, pytest.raises(typer.Exit), reported(console):
        raise TrainingError(f"{path} is gone.")
    assert path in captured.get()


@pytest.fixture
def untrained_model(
    monkeypatch: pytest.MonkeyPatch, tiny_model: AffectModel, tiny_spec: ModelSpec
) -> None:
    monkeypatch.setattr(export, "initial_model", lambda *_: (tiny_model, tiny_spec))


@pytest.mark.usefixtures("untrained_model")
def test_untrained_names_a_store_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = tmp_path / "file" / "store"
    code, text = invoked(export.untrained, "--model-store", store, "--backbone", "seeded")
    assert code == 1
    assert str(store) in text


def test_untrained_says_what_needs_no_download(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def offline(*_: object) -> None:
        raise DownloadError("The network is unreachable.")

    monkeypatch.setattr(export, "initial_model", offline)
    code, text = invoked(export.untrained, "--model-store", tmp_path, "--backbone", "imagenet")
    assert code == 1
    assert "The network is unreachable. --backbone seeded needs no download." in text


def test_synth_names_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / "[out]"
    code, text = invoked(synth, out, "--people", "1", "--seconds", "1")
    assert code == 1
    assert str(out) in text
