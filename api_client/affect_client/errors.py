"""Everything the clients raise on purpose.

    AffectError
    ├── SettingsError (ValueError)      an argument or environment variable cannot be right
    ├── TrackError (ValueError)         a trace of no track, or of one of several
    ├── ClientClosedError               the client was closed
    ├── SessionClosedError              the live session was closed, or has expired
    ├── PictureError (ValueError)       no JPEG, PNG, or array of pixels
    ├── ClipFileError                   the clip cannot be read here; nothing was asked
    │   ├── ClipNotFoundError           no such file
    │   ├── ClipIsFolderError           a folder
    │   ├── EmptyClipError              no bytes
    │   ├── UnreadableClipError         no permission, or reading failed
    │   └── ClipChangedError            became shorter while it was sent
    ├── NoAnswerError                   no whole answer arrived
    │   ├── UnreachableError            no connection
    │   │   └── ConnectTimeoutError
    │   ├── ConnectionLostError         it broke; `begun` says whether an answer had begun
    │   └── WaitError                   a wait was too long
    │       ├── PoolTimeoutError        for a free connection of this client
    │       ├── UploadTimeoutError      for the server to take more of the upload
    │       ├── AnswerTimeoutError      for the answer to begin
    │       ├── StalledError            for more of an answer that had begun
    │       └── DeadlineError           in all, retries included
    ├── UnexpectedAnswerError           an answer, and not the contract's
    │   ├── NotAffectlineError          something else listens there
    │   └── BrokenAnswerError           cut off, or outside the contract
    │       └── BrokenStreamError       a stream without its end, or with a broken line
    └── StatusError                     the server refused; `refusals` has a class for every
                                        status, and below them one for every problem code

Every error says in `advice` what to do. Errors can be copied and pickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class AffectError(Exception):
    """Any failure of a call. `str()` of it is a sentence or two for a person."""

    advice: ClassVar[str] = ""
    """What to do about this kind of failure."""

    note: str = ""
    """What the client adds, for example why it did not try again."""

    def __str__(self) -> str:
        return f"{super().__str__()} {self.note}".strip()


class SettingsError(AffectError, ValueError):
    """An argument or environment variable cannot be right."""

    advice = "Correct the named argument or environment variable."


class TrackError(AffectError, ValueError):
    """There is no such track, or several at once and none was named."""

    advice = "Name one of result.tracks, or take all of them with traces()."


class ClientClosedError(AffectError):
    """The client was closed before this call."""

    advice = "Make the call inside the client's `with` block."


class SessionClosedError(AffectError):
    """The live session was closed, or the server has forgotten it."""

    advice = "Open a new session; it starts without the old one's tracks and state."


class PictureError(AffectError, ValueError):
    """What was given for a picture is none."""

    advice = "Send JPEG or PNG bytes, or a uint8 array (height, width, 3) in blue, green, red."


class ClipFileError(AffectError):
    """The clip cannot be read here; the server was not asked, or did not get all of it."""


class ClipNotFoundError(ClipFileError):
    """There is no such file."""

    advice = "Check the path; a relative one starts at the working directory."


class ClipIsFolderError(ClipFileError):
    """The path is a folder."""

    advice = "Name one file, or pass the folder's files to predict_many."


class EmptyClipError(ClipFileError):
    """The clip has no bytes."""

    advice = "Record it again. Seek a file object to where the clip starts before passing it."


class UnreadableClipError(ClipFileError):
    """The file cannot be opened, or reading it failed; `__cause__` says why."""

    advice = "Check the file's permissions and its disk."


class ClipChangedError(ClipFileError):
    """The file became shorter while it was sent."""

    advice = "Wait until nothing writes to the file."


class NoAnswerError(AffectError):
    """No whole answer arrived."""


class UnreachableError(NoAnswerError):
    """No connection: refused, unknown name, failed TLS, failed proxy."""

    advice = "Check base_url (or AFFECT_BASE_URL), and that the server runs."


class ConnectTimeoutError(UnreachableError):
    """No connection in `Timeouts.connect_s`."""


class ConnectionLostError(NoAnswerError):
    """The connection broke. `begun`: the answer had begun."""

    advice = "Try again; if it repeats, check the port and look into the server's log."
    begun: bool = False


class WaitError(NoAnswerError):
    """A wait was longer than the client's timeouts allow."""


class PoolTimeoutError(WaitError):
    """All connections of this client were busy for `Timeouts.pool_s`."""

    advice = "Run fewer calls at once, or raise max_connections."


class UploadTimeoutError(WaitError):
    """The server took nothing of the upload for `Timeouts.write_s`."""

    advice = "Check the network; raise Timeouts.write_s on a slow one."


class AnswerTimeoutError(WaitError):
    """No answer began in the time that `Timeouts` has for this kind of call."""

    advice = "The server works on it, or hangs. Cut the clip, or raise the timeout."


class StalledError(WaitError):
    """An answer began and then stood still."""

    advice = "Try again; if it repeats, look into the server's log."


class DeadlineError(WaitError):
    """`RetryPolicy.deadline_s` has passed, all attempts together."""

    advice = "Raise deadline_s, or look at the cause: what the last attempt met."


class UnexpectedAnswerError(AffectError):
    """An answer arrived, and not the contract's.

    Attributes:
        status: of HTTP.
        body: its first 64 KiB.
        request_id: the server's name for the request, for its log.
    """

    status: int = 0
    body: bytes = b""
    request_id: str | None = None


class NotAffectlineError(UnexpectedAnswerError):
    """Something else listens there: HTML, other JSON, another protocol."""

    advice = "Check the host and port of the URL: predictions are on TorchServe's inference port."


class BrokenAnswerError(UnexpectedAnswerError):
    """The answer is cut off or outside the contract."""

    advice = "Try again; if it repeats, client and server may be of versions that do not fit."


class BrokenStreamError(BrokenAnswerError):
    """A stream ended without its summary or error line, or holds a broken line.

    The events before it stand.
    """


class StatusError(AffectError):
    """The server, or a gateway before it, refused.

    Of this class itself where the status has none of its own.

    Attributes:
        status: of HTTP, or for a stream that broke off the problem's.
        code: the contract's problem code, or a newer server's; None where the refusal is not a
            problem (TorchServe's own, a gateway's).
        detail: what is wrong with this request, in the server's words.
        problem: the problem's members, extensions too; None as for `code`.
        body: the answer's first 64 KiB.
        request_id: the server's name for the request, for its log.
        retry_after_s: when the server asks to be asked again, seconds from then.
    """

    advice = "Look into the server's log for the request id."
    status: int = 0
    code: str | None = None
    detail: str = ""
    problem: Mapping[str, Any] | None = None
    body: bytes = b""
    request_id: str | None = None
    retry_after_s: float | None = None
