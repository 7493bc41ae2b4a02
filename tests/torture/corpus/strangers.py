"""What is no clip: sound, pictures, text, nothing; and files that are two things at once."""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Iterator
from random import Random
from typing import Final

import av

from torture.corpus.images import gif, png
from torture.corpus.mutations import BASES, Named, base
from torture.corpus.muxes import box, cluster, element, matroska, number, simple_block
from torture.corpus.written import picture

_SOUND: Final = (
    *(("mp4", "aac"), ("matroska", "flac"), ("wav", "pcm_s16le"), ("mp3", "libmp3lame")),
    *(("ogg", "flac"), ("flac", "flac"), ("adts", "aac"), ("ac3", "ac3"), ("asf", "libmp3lame")),
    *(("avi", "pcm_s16le"), ("mpegts", "mp2"), ("flv", "libmp3lame"), ("webm", "libopus")),
    *(("aiff", "pcm_s16be"), ("w64", "pcm_s16le"), ("caf", "pcm_s16le"), ("nut", "pcm_s16le")),
)


def strangers(chance: Random) -> Iterator[Named]:
    """Each of them once, then random bytes behind random beginnings. Never ends."""
    for container, codec in chance.sample(_SOUND, len(_SOUND)):
        yield f"sound-{container}-{codec}", sound(container, codec)
    yield from {
        "nothing": b"",
        "a byte": b"\0",
        "zeros": bytes(100_000),
        "text": b"hello " * 1000,
        "json": b'{"clip": "me"}',
        "jpeg": picture(64, 48),
        "png": picture(64, 48, ".png"),
        "still gif": gif(64, 48, 1),
        "black png": png(64, 48),
        "script": b"#!/bin/sh\ntouch /tmp/affectline-was-here\n",
        "elf": b"\x7fELF" + bytes(1000),
        "pdf": b"%PDF-1.7\n" + bytes(1000),
        "pickle": b"\x80\x04cos\nsystem\n\x8c\x04true\x85R.",
        "zip": _zip(b"x" * 1000),
        "only signatures": b"".join(base(*key)[:16] for key in BASES),
    }.items()
    for count in itertools.count():
        key, begin = chance.choice(BASES), chance.choice((0, 4, 12, 64, 200))
        noise = chance.randbytes(chance.choice((10, 1000, 20_000)))
        yield f"noise{count}-behind-{begin}-of-{'-'.join(key)}", base(*key)[:begin] + noise


def polyglots(chance: Random) -> Iterator[Named]:
    """Files that are several things, and things inside things. Never ends."""
    mp4, mkv, apng = base("mp4", "libx264"), base("matroska", "libx264"), base("apng", "apng")
    yield from {
        "zip behind mp4": mp4 + _zip(b"canary"),
        "mp4 behind zip": _zip(b"canary") + mp4,
        "mp4 behind html": b"<html><script>alert(1)</script>" + mp4,
        "mp4 in a free box, another behind": box(b"ftyp", b"isom" + bytes(4))
        + box(b"free", mp4)
        + mp4,
        "mp4 behind png": apng + mp4,
        "png behind jpeg": picture(64, 48) + apng,
        "matroska behind mp4": mp4 + mkv,
        "mp4 in matroska's void": mkv + element(0xEC, mp4),
        "playlist in a free box": box(b"free", b"#EXTM3U\nfile:///etc/passwd\n") + mp4,
        "gif and script": b"GIF89a=1;//" + gif(64, 48, 3)[6:],
        **{
            f"attached {name}": _with_attachment(name, mime, data) for name, mime, data in _ATTACHED
        },
        "attachments in number": _attachments(5000),
        "attachment of the size of the address space": _lying_attachment(),
    }.items()
    while True:
        first, second = chance.choice(BASES), chance.choice(BASES)
        cut = chance.randrange(len(base(*first)))
        name = f"{'-'.join(first)}@{cut}+{'-'.join(second)}"
        yield name, base(*first)[:cut] + base(*second)


def sound(container: str, codec: str) -> bytes:
    """A second of silence."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container, options={"fflags": "+bitexact"}) as out:
        stream = out.add_stream(codec, rate=48_000)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "stereo"
        offered = stream.codec_context.codec.audio_formats or []
        kind = offered[0].name if offered else "s16"
        frame = av.AudioFrame(format=kind, layout="stereo", samples=48_000)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts = 48_000, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return buffer.getvalue()


def _zip(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("../../canary"), content)
    return buffer.getvalue()


_ATTACHED: Final = (
    ("../../etc/passwd", "text/plain", b"root"),
    ("cover.jpg", "image/jpeg", picture(64, 48)),
    ("cover.png", "image/png", png(20_000, 20_000, rows=1)),
    ("font.ttf", "application/x-truetype-font", bytes(5000)),
    ("list.m3u8", "application/vnd.apple.mpegurl", b"#EXTM3U\nfile:///etc/passwd\n"),
)


def _attachment(name: str, mime: str, data: bytes, place: int = 1) -> bytes:
    named = element(0x466E, name.encode()) + element(0x4660, mime.encode())
    return element(0x61A7, named + element(0x465C, data) + number(0x46AE, place))


def _with(in_segment: bytes) -> bytes:
    blocks = [simple_block(40 * k, picture(64, 48)) for k in range(26)]
    return matroska("V_MJPEG", (64, 48), [cluster(0, *blocks)], in_segment=in_segment)


def _with_attachment(name: str, mime: str, data: bytes) -> bytes:
    return _with(element(0x1941A469, _attachment(name, mime, data)))


def _attachments(count: int) -> bytes:
    many = (_attachment(f"{k}", "image/png", b"x", k + 1) for k in range(count))
    return _with(element(0x1941A469, b"".join(many)))


def _lying_attachment() -> bytes:
    made = bytearray(_with_attachment("big", "image/png", bytes(16)))
    at = made.index(b"\x46\x5c\x01") + 2
    made[at : at + 8] = b"\x01" + b"\xff" * 6 + b"\xfe"
    return bytes(made)
