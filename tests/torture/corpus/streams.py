"""Clips whose frames are not alike: of other sizes, empty, or crumbs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final

from torture.corpus.mutations import Named, base
from torture.corpus.muxes import avi, cluster, full_box, matroska, simple_block, with_box
from torture.corpus.pieces import pieces
from torture.corpus.written import picture, written

Size = tuple[int, int]

_SIZES: Final[tuple[Size, ...]] = (
    (64, 48),
    (16, 16),
    (48, 64),
    (320, 240),
    (640, 16),
    (640, 360),
)
_TOO_LARGE: Final[Size] = (8208, 64)
_JOINED: Final = (
    ("mpegts", "libx264"),
    ("mpegts", "mpeg2video"),
    ("mpeg", "mpeg1video"),
    ("h264", "libx264"),
    ("m4v", "mpeg4"),
    ("mjpeg", "mjpeg"),
    ("flv", "flv"),
)
CRUMBS: Final = 1_000_000


def resized(chance: Random) -> Iterator[Named]:
    """Resolution that changes from frame to frame or from part to part. Never ends."""
    yield "matroska-to-too-large", _matroska_of([(64, 48), (64, 48), _TOO_LARGE])
    yield "avi-to-too-large", _avi_of([(64, 48), (64, 48), _TOO_LARGE])
    makers: list[tuple[str, Callable[[Sequence[Size]], bytes]]] = [
        ("matroska", _matroska_of),
        ("avi", _avi_of),
        ("ivf", _ivf_of),
        *((f"{c}-{k}", lambda sizes, c=c, k=k: _joined(c, k, sizes)) for c, k in _JOINED),
    ]
    while True:
        name, make = chance.choice(makers)
        sizes = [chance.choice(_SIZES) for _ in range(chance.randint(2, 5))]
        told = ",".join(f"{width}x{height}" for width, height in sizes)
        try:
            yield f"{name}-{told}", make(sizes)
        except ValueError:  # an encoder that does not take the size
            continue


def empty_frames(chance: Random) -> Iterator[Named]:
    """Frames of no bytes, and very many packets of next to none."""
    good = picture(64, 48)
    patterns = {
        "all": [b""] * 26,
        "first": [b"", *[good] * 25],
        "last": [*[good] * 25, b""],
        "every second": [good, b""] * 13,
        "all but one": [good, *[b""] * 25],
        "one byte": [good, *[b"\xff"] * 25],
    }
    for name, frames in chance.sample(list(patterns.items()), len(patterns)):
        blocks = [simple_block(40 * k, frame) for k, frame in enumerate(frames)]
        yield f"matroska-{name}", matroska("V_MJPEG", (64, 48), [cluster(0, *blocks)])
        yield f"avi-{name}", avi(b"MJPG", (64, 48), frames)
        sizes = full_box(b"stsz", 0, len(frames), *map(len, frames))
        where = "moov.trak.mdia.minf.stbl.stsz"
        yield f"mp4-{name}", with_box(base("mp4", "libx264"), where, sizes)
    for count in (1000, 30_000, CRUMBS):
        block = simple_block(40, b"\0")
        clusters = [cluster(0, simple_block(0, good)), cluster(40, block * count)]
        yield f"matroska-{count}-crumbs", matroska("V_MJPEG", (64, 48), clusters)
        yield f"avi-{count}-crumbs", avi(b"MJPG", (64, 48), [good, *[b""] * count], count=count)
        tag = b"\x09\0\0\1\0\0\0\0\0\0\0\x12\0\0\0\x0c"
        yield f"flv-{count}-crumbs", base("flv", "flv") + tag * count
        yield f"mpegts-{count}-crumbs", base("mpegts", "mpeg2video") + _NULL_PACKET * (count // 10)
        sizes = full_box(b"stsz", 1, count)
        steps = full_box(b"stts", 1, count, 1)
        one_chunk = full_box(b"stsc", 1, 1, count, 1)
        made = base("mp4", "libx264")
        for table in (sizes, steps, one_chunk):
            made = with_box(made, f"moov.trak.mdia.minf.stbl.{table[4:8].decode()}", table)
        yield f"mp4-{count}-crumbs", made


_NULL_PACKET: Final = b"\x47\x1f\xff\x10" + b"\xff" * 184


def _pictures(sizes: Sequence[Size]) -> list[bytes]:
    return [picture(*sizes[k * len(sizes) // 26]) for k in range(26)]


def _matroska_of(sizes: Sequence[Size]) -> bytes:
    blocks = [simple_block(40 * k, frame) for k, frame in enumerate(_pictures(sizes))]
    return matroska("V_MJPEG", sizes[0], [cluster(0, *blocks)])


def _avi_of(sizes: Sequence[Size]) -> bytes:
    return avi(b"MJPG", sizes[0], _pictures(sizes))


def _ivf_of(sizes: Sequence[Size]) -> bytes:
    """Frames of several clips under the first one's header, and their times one after another."""
    made, time = bytearray(base("ivf", "libvpx")[:32]), 0
    for size in sizes:
        clip = written("ivf", "libvpx", size, 6)
        for piece in pieces(clip)[1:]:
            frame = clip[piece.body : piece.end]
            made += len(frame).to_bytes(4, "little") + time.to_bytes(8, "little") + frame
            time += 1
    return bytes(made)


def _joined(container: str, codec: str, sizes: Sequence[Size]) -> bytes:
    return b"".join(written(container, codec, size, 6) for size in sizes)
