"""HTTP bodies that are no well-made forms."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator

Body = tuple[str, dict[str, str], bytes]
"""What it is, headers, content."""

_BOUNDARY = b"frontier"
_FORM = "multipart/form-data; boundary=frontier"


def part(head: bytes, content: bytes) -> bytes:
    """A part with headers as they are given."""
    return b"--" + _BOUNDARY + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


def named(name: bytes, content: bytes, more: bytes = b"") -> bytes:
    """A part as a browser sends a file."""
    head = b'Content-Disposition: form-data; name="' + name + b'"; filename="clip"' + more
    return part(head, content)


END = b"--" + _BOUNDARY + b"--\r\n"


def bodies(clip: bytes) -> Iterator[Body]:
    """Each kind once, with a good clip inside where there is room for one."""
    good = named(b"data", clip)
    forms = {
        "no boundary stated": ("multipart/form-data", good + END),
        "an empty boundary": ("multipart/form-data; boundary=", good + END),
        "another boundary": ("multipart/form-data; boundary=elsewhere", good + END),
        "a boundary of 10,000 letters": (f"multipart/form-data; boundary={'x' * 10_000}", good),
        "no end": (_FORM, good),
        "an end alone": (_FORM, END),
        "nothing": (_FORM, b""),
        "cut in a head": (_FORM, good[:30]),
        "cut in the clip": (_FORM, good[:-50]),
        "bare line feeds": (_FORM, good.replace(b"\r\n", b"\n") + END),
        "the clip twice": (_FORM, good + good + END),
        "options twice": (
            _FORM,
            good
            + part(_field(b"options"), b"{}")
            + part(_field(b"options"), b'{"end_s":0.2}')
            + END,
        ),
        "1000 parts": (_FORM, named(b"data", b"x") * 1000 + END),
        "1000 names": (_FORM, b"".join(named(b"p%d" % k, b"x") for k in range(1000)) + END),
        "no disposition": (_FORM, part(b"Content-Type: video/mp4", clip) + END),
        "no name": (_FORM, part(b"Content-Disposition: form-data", clip) + END),
        "an empty name": (_FORM, named(b"", clip) + END),
        "a name of 100 kB": (_FORM, named(b"n" * 100_000, clip) + END),
        "a name of other bytes": (_FORM, named(b"\xff\xfe\0data", clip) + END),
        "a file name that climbs": (
            _FORM,
            part(
                b'Content-Disposition: form-data; name="data"; filename="../../../etc/cron.d/x"',
                clip,
            )
            + END,
        ),
        "base64 that is none": (
            _FORM,
            named(b"data", clip, b"\r\nContent-Transfer-Encoding: base64") + END,
        ),
        "an unknown encoding": (
            _FORM,
            named(b"data", clip, b"\r\nContent-Transfer-Encoding: x-none") + END,
        ),
        "an unknown charset": (
            _FORM,
            named(b"data", clip, b"\r\nContent-Type: text/plain; charset=x-none") + END,
        ),
        "a part that claims JSON": (
            _FORM,
            named(b"data", clip, b"\r\nContent-Type: application/json") + END,
        ),
        "a form in a form": (
            _FORM,
            part(
                b'Content-Disposition: form-data; name="data"\r\n'
                b"Content-Type: multipart/mixed; boundary=inner",
                b"--inner\r\nContent-Disposition: file; filename=a\r\n\r\n"
                + clip
                + b"\r\n--inner--",
            )
            + END,
        ),
        "a form that is the clip": (_FORM, clip),
        "JSON that is the clip": ("application/json", clip),
        "an urlencoded form that is the clip": ("application/x-www-form-urlencoded", clip),
        "text that is the clip": ("text/plain; charset=x-none", clip),
        "no type": ("", clip),
    }
    for name, (kind, content) in forms.items():
        yield name, {"content-type": kind} if kind else {}, content
    packed = {"content-type": "application/octet-stream", "content-encoding": "gzip"}
    yield "gzip", packed, gzip.compress(clip)
    yield "gzip that is none", packed, clip
    yield "a gzip bomb", packed, gzip.compress(bytes(64 << 20))
    for seed in range(30):
        yield f"damaged {seed}", {"content-type": _FORM}, _damaged(good + END, seed)


def _field(name: bytes) -> bytes:
    return b'Content-Disposition: form-data; name="' + name + b'"'


def _damaged(body: bytes, seed: int) -> bytes:
    """With stretches left out, doubled or turned over, mostly in its beginning."""
    chance = random.Random(seed)  # noqa: S311
    made = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(chance.choice((100, len(made))))
        length = chance.choice((1, 2, 8, 60))
        change = chance.choice(("out", "twice", "other"))
        stretch = made[at : at + length]
        made[at : at + length] = {
            "out": b"",
            "twice": stretch + stretch,
            "other": chance.randbytes(length),
        }[change]
    return bytes(made)
