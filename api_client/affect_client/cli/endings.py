"""How commands end when something goes wrong: one sentence, and a status that scripts can read."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import Any, Final

import typer
from rich.console import Console
from rich.text import Text

from affect_client import errors, refusals
from affect_client.cli.words import plain
from affect_client.errors import AffectError, StatusError, UnexpectedAnswerError


class Ending(IntEnum):
    """Exit status. What scripts rely on: numbers do not change."""

    GOOD = 0
    REFUSED = 1
    """A clip was refused, or cannot be read; or a file cannot be written."""
    USAGE = 2
    """Wrong options, or something is not installed."""
    NO_SERVER = 3
    """Nothing answers, something else does, or it does not let us in."""
    LATE = 4
    """Too late or too busy: another time it may be well."""
    BROKEN = 5
    """The server failed."""
    STOPPED = 130
    """Ctrl-C: 128 and the signal's number, as in shells."""
    PIPE = 141
    """Whoever read our output has left; also 128 and the signal's number."""


_BY_KIND: Final[tuple[tuple[Ending, tuple[type[AffectError], ...]], ...]] = (
    (Ending.USAGE, (errors.SettingsError,)),
    (Ending.LATE, (
        errors.WaitError, refusals.RequestTimeoutError,
        refusals.RateLimitedError, refusals.UnavailableError, refusals.GatewayTimeoutError,
        refusals.WorkerDiedError,
    )),
    (Ending.NO_SERVER, (
        errors.UnreachableError, errors.ConnectionLostError, errors.NotAffectlineError,
        refusals.AuthenticationError, refusals.PermissionDeniedError, refusals.NotFoundError,
        refusals.MethodNotAllowedError, refusals.MisdirectedError, refusals.BadGatewayError,
    )),
    (Ending.BROKEN, (errors.UnexpectedAnswerError,)),
)  # fmt: skip
"""The first kind that fits. Refusals that are not here go by their status, all else is 1."""

_OPTIONS: Final = {
    "base_url": "--base-url",
    "api_key": "--api-key",
    "management_url": "--management-url",
    "deadline_s": "--timeout",
    "Timeouts.write_s": "--timeout",
    "sample_fps": "--fps",
    "start_s": "--start",
    "end_s": "--end",
    "concurrency": "--jobs",
    "retry_after_s": "its Retry-After",
    "models()": "`affect health`",
    "predict_many": "`affect predict`",
}
"""What errors call by its name in Python, as one writes it here."""
_NAMED: Final = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in _OPTIONS))


class Output(Console):
    """A console whose reader may leave; Rich would end the program in its own way."""

    def on_broken_pipe(self) -> None:
        """Let it be seen as any other failure."""
        raise BrokenPipeError


class CommandError(Exception):
    """What a command itself finds wrong; its text is a sentence for a person.

    Args:
        text: the sentence.
        ending: the status to end with.
    """

    def __init__(self, text: str, ending: Ending) -> None:
        super().__init__(text)
        self.ending = ending


def ending_of(error: AffectError) -> Ending:
    """The status of a failed call."""
    for ending, kinds in _BY_KIND:
        if isinstance(error, kinds):
            return ending
    failed = isinstance(error, StatusError) and error.status >= 500
    return Ending.BROKEN if failed else Ending.REFUSED


def sentence(error: AffectError) -> str:
    """What went wrong and what to do, with the problem's code and the request's id."""
    said, advice = str(error), error.advice
    if isinstance(error, UnexpectedAnswerError) and error.request_id:
        said = f"{said} (status {error.status}, request {error.request_id})"
    if isinstance(error, errors.ClipFileError):
        # Its text is mostly a path, which must stay as it is.
        return f"{said} {_as_options(advice)}"
    # The service's own problems say what to do in their detail.
    told = isinstance(error, StatusError) and error.code is not None
    if advice and not told and advice not in said:
        said = f"{said} {advice}"
    return _as_options(said)


def record(error: AffectError) -> dict[str, Any]:
    """A failure for machines."""
    found: dict[str, Any] = {
        "kind": type(error).__name__,
        "message": sentence(error),
        "exit_status": int(ending_of(error)),
    }
    if isinstance(error, StatusError | UnexpectedAnswerError):
        found |= {"status": error.status, "request_id": error.request_id}
    if isinstance(error, StatusError):
        found |= {"code": error.code}
    return found


def complain(console: Console, text: str) -> None:
    """A sentence in red. The terminal wraps it: a path broken by a line's end cannot be copied."""
    console.print(Text(plain(text), style="red"), soft_wrap=True)


@contextmanager
def reported() -> Iterator[None]:
    """Say what is wrong, without a traceback.

    Raises:
        typer.Exit: with an `Ending`, after the sentence.
    """
    console = Output(stderr=True)
    try:
        yield
        sys.stdout.flush()
    except AffectError as error:
        complain(console, sentence(error))
        raise typer.Exit(ending_of(error)) from None
    except CommandError as error:
        complain(console, str(error))
        raise typer.Exit(error.ending) from None
    except ImportError as error:
        if not str(error).endswith("]'"):  # not `_optional.need`, which says what to install
            raise
        complain(console, str(error))
        raise typer.Exit(Ending.USAGE) from None
    except KeyboardInterrupt:
        raise typer.Exit(Ending.STOPPED) from None
    except BrokenPipeError:
        _leave_quietly()
        raise typer.Exit(Ending.PIPE) from None
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        complain(console, f"{error.strerror or error}{place}.")
        raise typer.Exit(Ending.REFUSED) from None


def _leave_quietly() -> None:
    # What is still to be flushed at the program's end would be complained about then.
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _as_options(text: str) -> str:
    return _NAMED.sub(lambda found: _OPTIONS[found[0]], text)
