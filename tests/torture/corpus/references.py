"""Files that name other files and addresses: playlists, scripts, reference movies, subtitles.

Nothing that they name may be opened.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from torture.corpus.mutations import Named, base
from torture.corpus.muxes import box, cluster, element, matroska, simple_block, with_box
from torture.corpus.written import picture


@dataclass(frozen=True, slots=True)
class Lures:
    """What must not be touched.

    Args:
        address: of HTTP, without a slash at its end.
        file: an absolute path.
    """

    address: str = "http://127.0.0.1:9"
    file: str = "/nonexistent/canary.mp4"


def references(chance: Random, lures: Lures) -> Iterator[Named]:
    """Every kind of reference to every lure, each once."""
    places = {
        "file": f"file:{lures.file}",
        "path": lures.file,
        "up": "../" * 12 + lures.file.lstrip("/"),
        "http": f"{lures.address}/canary.mp4",
        "tcp": lures.address.replace("http:", "tcp:"),
        "ftp": lures.address.replace("http:", "ftp:") + "/canary.mp4",
        "concat": f"concat:{lures.file}|{lures.file}",
        "concatf": f"concatf:{lures.file}",
        "subfile": f"subfile,,start,0,end,9999,,:{lures.file}",
        "crypto": f"crypto:{lures.file}",
        "cache": f"cache:{lures.address}/canary.mp4",
        "async": f"async:{lures.file}",
        "hls": f"hls+{lures.address}/canary.m3u8",
    }
    plan = [(kind, name) for kind in _KINDS for name in places]
    for kind, name in chance.sample(plan, len(plan)):
        yield f"{kind}-{name}", _KINDS[kind](places[name])


def _hls(place: str) -> bytes:
    head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n"
    return f"{head}#EXTINF:1.0,\n{place}\n#EXT-X-ENDLIST\n".encode()


def _hls_master(place: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\n{place}\n".encode()


def _hls_key(place: str) -> bytes:
    key = f'#EXT-X-KEY:METHOD=AES-128,URI="{place}"\n#EXT-X-MAP:URI="{place}"\n'
    return b"#EXTM3U\n" + key.encode() + _hls(place)[8:]


def _dash(place: str) -> bytes:
    return f"""<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S"
 profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><BaseURL>{place}</BaseURL>
<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1000" codecs="avc1.42c01e"
 width="64" height="48"><BaseURL>{place}</BaseURL><SegmentBase indexRange="0-100"/>
</Representation></AdaptationSet></Period></MPD>""".encode()


def _xml_entity(place: str) -> bytes:
    head = f'<?xml version="1.0"?><!DOCTYPE MPD [<!ENTITY lure SYSTEM "{place}">]>'
    return (head + "<MPD><Period>&lure;</Period></MPD>").encode()


def _svg(place: str) -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{place}"/></svg>'.encode()


def _concat(place: str) -> bytes:
    return f"ffconcat version 1.0\nfile '{place}'\nduration 1\n".encode()


def _imf(place: str) -> bytes:
    return f"""<?xml version="1.0"?>
<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"><Id>urn:uuid:1</Id>
<EditRate>25 1</EditRate><SegmentList><Segment><Path>{place}</Path></Segment></SegmentList>
</CompositionPlaylist>""".encode()


def _session_description(place: str) -> bytes:
    head = f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns={place}\n"
    return f"{head}a=control:{place}\nm=video 9 RTP/AVP 96\n".encode()


def _asx(place: str) -> bytes:
    return f'<ASX version="3.0"><Entry><Ref href="{place}"/></Entry></ASX>'.encode()


def _asf_reference(place: str) -> bytes:
    return f"[Reference]\r\nRef1={place}\r\nRef2={place}\r\n".encode()


def _smil(place: str) -> bytes:
    return f'<smil><body><video src="{place}"/></body></smil>'.encode()


def _vobsub(place: str) -> bytes:
    head = f"# VobSub index file, v7\nid: {place}, index: 0\n"
    return f"{head}timestamp: 00:00:00:000, filepos: 0\n".encode()


def _bare(place: str) -> bytes:
    return place.encode()


def _data_reference(place: str) -> bytes:
    """An MP4 whose track lies in another file (ISO/IEC 14496-12, 8.7.2)."""
    url = box(b"url ", bytes(4), place.encode() + b"\0")
    dref = box(b"dref", bytes(4), struct.pack(">I", 1), url)
    return with_box(base("mp4", "libx264"), "moov.trak.mdia.minf.dinf.dref", dref)


def _alias(place: str) -> bytes:
    """The same as classic Mac OS wrote it, with the absolute path that FFmpeg reads."""
    path = place.encode()
    name = path.rpartition(b"/")[2][:27]
    head = bytes(10) + bytes([4]) + b"Disk" + bytes(23) + bytes(12) + bytes([len(name)])
    head += name + bytes(63 - len(name)) + bytes(16) + struct.pack(">HH", 1, 1) + bytes(16)
    entry = struct.pack(">HH", 2, len(path)) + path + b"\0" * (len(path) % 2)
    end = struct.pack(">HH", 0xFFFF, 0)
    alias = box(b"alis", bytes(4), head, entry, end)
    dref = box(b"dref", bytes(4), struct.pack(">I", 1), alias)
    return with_box(base("mp4", "libx264"), "moov.trak.mdia.minf.dinf.dref", dref)


def _reference_movie(place: str) -> bytes:
    """QuickTime's: a movie that is elsewhere."""
    name = place.encode() + b"\0"
    rdrf = box(b"rdrf", bytes(4), b"url ", struct.pack(">I", len(name)), name)
    return box(b"moov", box(b"rmra", box(b"rmda", rdrf)))


def _linked_segment(place: str) -> bytes:
    """Matroska's name of the file that goes on where this one ends (RFC 9559, 5.1.2.5)."""
    link = element(
        0x1549A966, element(0x3E83BB, place.encode()) + element(0x3C83AB, place.encode())
    )
    return _matroska(link)


def _tags(place: str) -> bytes:
    simple = element(0x67C8, element(0x45A3, b"URL") + element(0x4487, place.encode()))
    return _matroska(element(0x1254C367, element(0x7373, simple)))


def _subtitles(place: str) -> bytes:
    style = f"[Script Info]\nVideo File: {place}\nAudio URI: {place}\n[Fonts]\nfontname: {place}\n"
    entry = b"\xd7\x81\x02\x73\xc5\x81\x02\x83\x81\x11" + element(0x86, b"S_TEXT/ASS")
    return _matroska(b"", element(0xAE, entry + element(0x63A2, style.encode())))


def _matroska(in_segment: bytes, tracks: bytes = b"") -> bytes:
    blocks = [simple_block(40 * k, picture(64, 48)) for k in range(26)]
    made = [cluster(0, *blocks)]
    return matroska("V_MJPEG", (64, 48), made, in_segment=in_segment, tracks=tracks)


def _hls_in_mpegts(place: str) -> bytes:
    return base("mpegts", "mpeg2video")[: 188 * 8] + _hls(place)


_KINDS: Final = {
    "hls": _hls,
    "hls-master": _hls_master,
    "hls-key": _hls_key,
    "hls-in-mpegts": _hls_in_mpegts,
    "dash": _dash,
    "xml-entity": _xml_entity,
    "svg": _svg,
    "concat": _concat,
    "imf": _imf,
    "sdp": _session_description,
    "asx": _asx,
    "asf-reference": _asf_reference,
    "smil": _smil,
    "vobsub": _vobsub,
    "bare": _bare,
    "data-reference": _data_reference,
    "alias": _alias,
    "reference-movie": _reference_movie,
    "linked-segment": _linked_segment,
    "tags": _tags,
    "subtitles": _subtitles,
}
