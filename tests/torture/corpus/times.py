"""Clips whose timestamps go backwards, stand still, jump, or are not there."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from random import Random
from typing import Final

from torture.corpus.mutations import Named, base, taken_apart
from torture.corpus.muxes import cluster, full_box, matroska, simple_block, with_box
from torture.corpus.written import FRAMES, picture, written

Times = Sequence[int]
"""Of the frames in their order, in the container's ticks; any whole numbers."""

_HUGE: Final = (1 << 62) - 1
_ORDERS: Final[dict[str, Callable[[int], Times]]] = {
    "backwards": lambda n: [40 * (n - k) for k in range(n)],
    "equal": lambda n: [1000] * n,
    "to and fro": lambda n: [40 * k if k % 2 else 10_000 - 40 * k for k in range(n)],
    "huge first": lambda n: [_HUGE, *range(0, 40 * (n - 1), 40)],
    "huge last": lambda n: [*range(0, 40 * (n - 1), 40), _HUGE],
    "all huge": lambda n: [_HUGE - n + k for k in range(n)],
    "a day apart": lambda n: [86_400_000 * k for k in range(n)],
    "negative": lambda n: [-40 * (n - k) for k in range(n)],
    "of both signs": lambda n: [(-1) ** k * (1 << 31) for k in range(n)],
    "one tick apart": lambda n: list(range(n)),
}


def broken_times(chance: Random) -> Iterator[Named]:
    """Every order of times in every container whose times are easily set, then random ones.

    Never ends.
    """
    plan = [(container, order) for container in _SET_TIMES for order in _ORDERS]
    for container, order in chance.sample(plan, len(plan)):
        yield f"{container}-{order}", _SET_TIMES[container](_ORDERS[order](FRAMES))
    for container, codec in (("h264", "libx264"), ("mpeg2video", "mpeg2video")):
        yield f"{container}-none", written(container, codec)
    yield "mpegts-none", _transport_without_times()
    for count in itertools.count():
        container = chance.choice(list(_SET_TIMES))
        reach = 1 << chance.choice((4, 8, 15, 24, 32, 40, 62))
        times = [chance.randrange(-reach, reach) for _ in range(FRAMES)]
        yield f"{container}-random{count}", _SET_TIMES[container](times)


def _matroska_blocks(times: Times) -> bytes:
    """Times in the blocks, which have 16 bits for them."""
    signed = [(time + (1 << 15)) % (1 << 16) - (1 << 15) for time in times]
    blocks = [simple_block(time, picture(64, 48)) for time in signed]
    return matroska("V_MJPEG", (64, 48), [cluster(0, *blocks)])


def _matroska_clusters(times: Times) -> bytes:
    """Times in the clusters, which have 64 bits for them."""
    clusters = [cluster(time, simple_block(0, picture(64, 48))) for time in times]
    return matroska("V_MJPEG", (64, 48), clusters)


def _flash(times: Times) -> bytes:
    data = bytearray(base("flv", "flv"))
    tags = [piece.start + 4 for piece in taken_apart("flv", "flv") if piece.path == "tag9"]
    for at, time in zip(tags, times, strict=False):
        word = struct.pack(">I", time % (1 << 32))
        data[at : at + 4] = word[1:] + word[:1]
    return bytes(data)


def _ivf(times: Times) -> bytes:
    data = bytearray(base("ivf", "libvpx"))
    frames = [p.start + 4 for p in taken_apart("ivf", "libvpx") if p.path == "frame"]
    for at, time in zip(frames, times, strict=False):
        struct.pack_into("<Q", data, at, time % (1 << 64))
    return bytes(data)


def _time_to_sample(times: Times) -> bytes:
    """An MP4 whose decode times differ as these do."""
    steps = [(b - a) % (1 << 32) for a, b in pairwise(times)]
    entries = [word for step in steps for word in (1, step)]
    table = full_box(b"stts", len(steps), *entries)
    return with_box(base("mp4", "libx264"), "moov.trak.mdia.minf.stbl.stts", table)


def _composition_offsets(times: Times) -> bytes:
    """An MP4 whose frames are shown so much after they are decoded."""
    entries = [word for time in times for word in (1, time % (1 << 32))]
    table = full_box(b"ctts", len(times), *entries)
    return with_box(base("mp4", "libx264"), "moov.trak.mdia.minf.stbl.ctts", table)


@lru_cache
def _packet_headers() -> tuple[int, ...]:
    """Where PES headers of the transport stream's video that carry times are."""
    data, found, starts = base("mpegts", "mpeg2video"), -1, []
    while (found := data.find(b"\0\0\1\xe0", found + 1)) >= 0:
        if data[found + 7] & 0x80:
            starts.append(found)
    return tuple(starts)


def _transport(times: Times) -> bytes:
    """Presentation times of 33 bits, ISO/IEC 13818-1, 2.4.3.6."""
    data = bytearray(base("mpegts", "mpeg2video"))
    for start, time in zip(_packet_headers(), times, strict=False):
        ticks = time % (1 << 33)
        data[start + 9] = data[start + 9] & 0xF0 | ticks >> 29 & 0x0E | 1
        struct.pack_into(">H", data, start + 10, ticks >> 14 & 0xFFFE | 1)
        struct.pack_into(">H", data, start + 12, ticks << 1 & 0xFFFE | 1)
    return bytes(data)


def _transport_without_times() -> bytes:
    data = bytearray(base("mpegts", "mpeg2video"))
    for start in _packet_headers():
        data[start + 7] &= 0x3F
    return bytes(data)


_SET_TIMES: Final[dict[str, Callable[[Times], bytes]]] = {
    "blocks": _matroska_blocks,
    "clusters": _matroska_clusters,
    "flv": _flash,
    "ivf": _ivf,
    "stts": _time_to_sample,
    "ctts": _composition_offsets,
    "mpegts": _transport,
}
