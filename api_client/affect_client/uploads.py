"""A clip on its way: read in pieces, of known length where it has one, again for a retry."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Generator
from pathlib import Path
from typing import BinaryIO, Final, Protocol, TypeAlias

from affect_client.errors import (
    ClipChangedError,
    ClipIsFolderError,
    ClipNotFoundError,
    EmptyClipError,
    UnreadableClipError,
)

ClipSource: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO"
"""A path, the clip's bytes, or a binary file object, read from where it stands."""

OnUpload = Callable[[int, "int | None"], None]
"""Called with the clip's bytes sent so far and its size (None: not known): with 0 when an attempt
begins, then after each piece. What it raises ends the call."""

CHUNK_BYTES: Final = 64 * 1024
_UNNAMED: Final = "clip"


class Reader(Protocol):
    """What an upload reads from."""

    def read(self, size: int, /) -> bytes | None:
        """At most `size` bytes; none at the end, None where it would have to wait."""

    def close(self) -> None:
        """Read no more."""


class Upload:
    """A clip as pieces of at most 64 KiB.

    Attributes:
        name: the file's, without its folder.
        size: bytes; None for what cannot say, such as a pipe.
        spent: it can be read no more, as a pipe of which something was read.
    """

    def __init__(
        self, open_reader: Callable[[], Reader], name: str, size: int | None, *, repeatable: bool
    ) -> None:
        self._open_reader = open_reader
        self.name = name
        self.size = size
        self.spent = False
        self._repeatable = repeatable

    @classmethod
    def of(cls, clip: ClipSource, filename: str | None = None) -> Upload:
        """The upload of a clip.

        Args:
            clip: path, bytes, or binary file object.
            filename: instead of the file's own.

        Raises:
            ClipFileError: one of its kinds: missing, a folder, empty, unreadable.
            TypeError: none of the three, or a file object in text mode.
        """
        if isinstance(clip, bytes | bytearray | memoryview):
            view = memoryview(clip).cast("B")
            made = cls(lambda: _Memory(view), _UNNAMED, len(view), repeatable=True)
        elif isinstance(clip, str | os.PathLike):
            made = _of_path(Path(clip))
        elif hasattr(clip, "read"):
            made = _of_file(clip)
        else:
            raise TypeError(f"a clip is a path, bytes or a binary file, not {type(clip).__name__}")
        if made.size == 0:
            raise EmptyClipError(f"The clip {made.name!r} has no bytes to send.")
        made.name = filename or made.name
        return made

    def chunks(self, on_upload: OnUpload | None = None) -> Generator[bytes, None, None]:
        """The clip from its beginning.

        Raises:
            UnreadableClipError: reading failed.
            ClipChangedError: it ended before its size.
        """
        sent = 0
        reader = self.open()
        try:
            while True:
                if on_upload is not None:
                    on_upload(sent, self.size)
                if sent == self.size:
                    return
                chunk = self.read(reader, sent)
                if not chunk:
                    return
                yield chunk
                sent += len(chunk)
        finally:
            reader.close()

    def open(self) -> Reader:
        """Begin to read, from the clip's beginning.

        Raises:
            UnreadableClipError: the file cannot be opened.
        """
        self.spent = not self._repeatable
        try:
            return self._open_reader()
        except OSError as error:
            raise UnreadableClipError(
                f"The clip {self.name!r} cannot be opened: {_why(error)}."
            ) from error

    def read(self, reader: Reader, sent: int) -> bytes:
        """The next piece after `sent` bytes; empty at the end of a clip without a size.

        Raises:
            UnreadableClipError: reading failed.
            ClipChangedError: the clip ended before its size.
        """
        left = CHUNK_BYTES if self.size is None else min(CHUNK_BYTES, self.size - sent)
        try:
            chunk = reader.read(left)
        except OSError as error:
            raise UnreadableClipError(
                f"Reading the clip {self.name!r} failed: {_why(error)}."
            ) from error
        if chunk is None:
            raise UnreadableClipError(f"The clip {self.name!r} is a file that does not block.")
        if not chunk and self.size is not None:
            raise ClipChangedError(
                f"The clip {self.name!r} had {self.size} bytes and ended after {sent}."
            )
        return chunk


class _Memory:
    """Reads bytes that are in memory already, without a second copy of them."""

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._at = 0

    def read(self, size: int, /) -> bytes:
        chunk = bytes(self._view[self._at : self._at + size])
        self._at += len(chunk)
        return chunk

    def close(self) -> None:
        pass


class _Borrowed:
    """The caller's file object, which stays open."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read

    def close(self) -> None:
        pass


def _of_path(path: Path) -> Upload:
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise ClipNotFoundError(f"There is no file {str(path)!r}.") from error
    except (OSError, ValueError) as error:
        raise UnreadableClipError(
            f"The clip {str(path)!r} cannot be found: {_why(error)}."
        ) from error
    if stat.S_ISDIR(found.st_mode):
        raise ClipIsFolderError(f"{str(path)!r} is a folder.")
    if not stat.S_ISREG(found.st_mode):
        return Upload(lambda: path.open("rb"), path.name, None, repeatable=False)
    if not os.access(path, os.R_OK):
        raise UnreadableClipError(f"The file {str(path)!r} may not be read by this user.")
    return Upload(lambda: path.open("rb"), path.name, found.st_size, repeatable=True)


def _of_file(file: BinaryIO) -> Upload:
    if not isinstance(file.read(0), bytes):
        raise TypeError("the clip's file object is in text mode; open it with mode 'rb'")
    named = getattr(file, "name", None)
    name = Path(named).name if isinstance(named, str) else _UNNAMED
    try:
        start = file.tell()
        file.seek(0, io.SEEK_END)
        size = file.tell() - start
        file.seek(start)
    except (OSError, AttributeError):
        return Upload(lambda: _Borrowed(file), name, None, repeatable=False)

    def again() -> Reader:
        file.seek(start)
        return _Borrowed(file)

    return Upload(again, name, max(size, 0), repeatable=True)


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
