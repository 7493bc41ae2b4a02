"""An answer and its clip -> one HTML page that needs nothing else.

The page is made in parts: a head, the clip in base64 piece by piece, a foot. A clip on disk
is read as its pieces are written, so a report of 200 MB needs a few megabytes of memory.
Everything that comes from outside is escaped, and the page's content security policy admits
our own script and style by their digests and nothing from any network.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from importlib import resources
from pathlib import Path, PurePath
from typing import BinaryIO, Final, TypeAlias

from affect_client import wire
from affect_client.report.facts import facts

ClipSource: TypeAlias = "bytes | str | os.PathLike[str] | None"
"""A clip's bytes, its path, or None for a page that does not hold the clip."""

PIECE_BYTES: Final = 3 * 1024 * 1024
"""Of the clip, for each piece. A multiple of 3, so that pieces need no padding between them
and can be decoded one by one; a browser's strings end at about half a gigabyte."""

SCRIPTS: Final = (
    "answer.js",
    "player.js",
    "stage.js",
    "axis.js",
    "traces.js",
    "lanes.js",
    "plot.js",
    "plane.js",
    "tables.js",
    "page.js",
)
"""In the order in which they use each other."""


def report_parts(
    prediction: wire.Prediction, clip: ClipSource, *, filename: str | None = None
) -> Iterator[bytes]:
    """The page, UTF-8, in order; joined or written one after the other they are the report.

    Args:
        prediction: the server's answer about `clip`.
        clip: what goes into the page to be played beside the traces. A path is opened when
            the first part is asked for.
        filename: shown as the page's title; folders before it are left out. None: that of
            the path, else "clip".

    Raises:
        OSError: the clip cannot be read.
        ValueError: the clip is empty.
    """
    with _opened(clip) as file:
        first = file.read(PIECE_BYTES) if file is not None else None
        if first is not None and not first:
            raise ValueError("The clip is empty.")
        head, foot = _page(prediction, _title(clip, filename), with_clip=clip is not None)
        yield _utf8(head)
        piece, kind = first, media_type(first or b"")
        while piece and file is not None:
            # In a template the text is no part of the page while it is read: in any other
            # element Chromium goes over the page's style at each 64 KiB, half a minute for 8 MiB.
            yield b'<template class="clip" data-type="%s">' % kind.encode()
            yield base64.b64encode(piece)
            yield b"</template>\n"
            piece = file.read(PIECE_BYTES)
        yield _utf8(foot)


def build_report(
    prediction: wire.Prediction, clip: ClipSource, *, filename: str | None = None
) -> bytes:
    """The whole page in memory; arguments and errors as for `report_parts`."""
    return b"".join(report_parts(prediction, clip, filename=filename))


def write_report(
    destination: str | os.PathLike[str],
    prediction: wire.Prediction,
    clip: ClipSource,
    *,
    filename: str | None = None,
) -> int:
    """Write the page to a file and return its size in bytes.

    The file appears when it is complete: one that was there stays as it was until then, and
    for good if anything fails. Something that is no regular file (a pipe, a terminal) is
    written as it is. Other arguments as for `report_parts`.

    Raises:
        OSError: the clip cannot be read or the page cannot be written.
        ValueError: the clip is empty, or `destination` is the clip.
    """
    target = Path(os.path.realpath(destination))
    parts = report_parts(prediction, clip, filename=filename)
    if isinstance(clip, str | os.PathLike) and target.exists() and target.samefile(clip):
        raise ValueError("The report would be written over its clip.")
    if target.exists() and not target.is_file():
        with target.open("wb") as out:
            return sum(out.write(part) for part in parts)
    unfinished = target.with_name(f".affect-{secrets.token_hex(6)}.part")
    try:
        with unfinished.open("xb") as out:
            size = sum(out.write(part) for part in parts)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return size


def media_type(start: bytes) -> str:
    """The media type that a clip's first bytes tell, or "" where the browser must find out."""
    if start[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}:
        return "video/mp4"
    if start.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"webm" in start[:64] else "video/x-matroska"
    if start.startswith(b"OggS"):
        return "video/ogg"
    if start.startswith(b"RIFF") and start[8:12] == b"AVI ":
        return "video/x-msvideo"
    return ""


def _page(prediction: wire.Prediction, title: str, *, with_clip: bool) -> tuple[str, str]:
    """What comes before the clip's pieces and what comes after them."""
    style = _resource("page.css")
    script = "\n".join(_resource(name) for name in SCRIPTS)
    values = {
        "title": html.escape(title),
        "style": style,
        "style_digest": _digest(style),
        "script": script,
        "script_digest": _digest(script),
        "answer": _embedded_json(prediction),
        **facts(prediction, with_clip=with_clip),
    }
    # Cut first and filled in one pass: what is put in is never taken for a place to fill.
    head, foot = (
        re.sub(r"\{\{(\w+)\}\}", lambda place: values[place[1]], half)
        for half in _resource("page.html").split("{{clip}}")
    )
    return head, foot


def _embedded_json(prediction: wire.Prediction) -> str:
    """JSON that no HTML parser sees markup in; the contract's fields and no others."""
    text = prediction.model_dump_json(include=set(wire.Prediction.model_fields))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _opened(clip: ClipSource) -> AbstractContextManager[BinaryIO | None]:
    if clip is None:
        return nullcontext()
    if isinstance(clip, bytes):
        return io.BytesIO(clip)
    return Path(clip).open("rb")


def _title(clip: ClipSource, filename: str | None) -> str:
    given = filename
    if given is None and isinstance(clip, str | os.PathLike):
        given = os.fspath(clip)
    # Both kinds of separator: the name may come from another system.
    return PurePath((given or "").replace("\\", "/")).name or "clip"


def _utf8(text: str) -> bytes:
    # Names of files may hold bytes that are no text, which Python keeps as lone surrogates.
    return text.encode("utf-8", "replace")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _resource(name: str) -> str:
    return (resources.files("affect_client.report") / name).read_text(encoding="utf-8")
