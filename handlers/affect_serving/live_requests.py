"""TorchServe's rows -> requests of live sessions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from affect_client.wire import LiveOptions
from affect_serving.requests import RequestError, parse_options

_HOW: Final = (
    "Send JPEG or PNG pictures as the parts frame0, frame1, ... with their times_s in the part "
    "'options', or a short clip as the part 'data' with its start_s"
)
_FRAME: Final = re.compile(r"frame(0|[1-9][0-9]{0,3})")


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """What one request brings: pictures with as many times, or a short clip, or nothing."""

    options: LiveOptions
    pictures: tuple[bytes | bytearray, ...] = ()
    clip: bytes | bytearray | None = None


def parse_live_request(
    row: Mapping[str, Any], *, may_be_empty: bool, max_samples: int, max_body_bytes: int
) -> LiveRequest:
    """The pictures or the clip of one row, and its options.

    Args:
        row: values by part name.
        may_be_empty: no part at all is no mistake, as in a request that only ends its session.
        max_samples: pictures in one request.
        max_body_bytes: of all parts together.

    Raises:
        RequestError: `empty_body`, `body_too_large`, `clip_too_long` for too many pictures,
            `undecodable_clip` for a part that is not a file, or `invalid_options`.
    """
    # A request without a body reaches us without parts, or as an empty one.
    parts = {name: value for name, value in row.items() if (name, value) != ("body", b"")}
    sent = parts.pop("options", None)
    if not parts and sent is None:
        if may_be_empty:
            return LiveRequest(LiveOptions(times_s=[]))
        raise RequestError("empty_body", f"The request carries nothing. {_HOW}.")
    for name, value in parts.items():
        if name != "data" and not _FRAME.fullmatch(name):
            raise RequestError("invalid_options", f"A part is not known here. {_HOW}.")
        if not isinstance(value, bytes | bytearray):
            raise RequestError(
                "undecodable_clip", f"A part arrived as text or JSON and not as a file. {_HOW}."
            )
    if sum(len(value) for value in parts.values()) > max_body_bytes:
        raise RequestError(
            "body_too_large", f"The parts have more than {max_body_bytes} bytes together."
        )
    options = parse_options(LiveOptions, sent)
    if "data" in parts:
        return _with_clip(parts, options)
    return _with_pictures(parts, options, max_samples)


def _with_clip(parts: Mapping[str, bytes | bytearray], options: LiveOptions) -> LiveRequest:
    if len(parts) > 1:
        raise RequestError("invalid_options", f"Pictures and a clip in one request. {_HOW}.")
    if options.start_s is None:
        raise RequestError("invalid_options", f"A short clip needs start_s. {_HOW}.")
    return LiveRequest(options, clip=parts["data"])


def _with_pictures(
    parts: Mapping[str, bytes | bytearray], options: LiveOptions, max_samples: int
) -> LiveRequest:
    count = len(parts)
    if count > max_samples:
        raise RequestError(
            "clip_too_long", f"{count} pictures came; the limit is {max_samples} in one request."
        )
    times = len(options.times_s or ())
    if options.times_s is None or count != times:
        raise RequestError(
            "invalid_options", f"{count} pictures came with {times} times_s. {_HOW}."
        )
    names = [f"frame{number}" for number in range(count)]
    if set(names) != set(parts):
        raise RequestError("invalid_options", f"Parts do not count from frame0 on. {_HOW}.")
    return LiveRequest(options, pictures=tuple(parts[name] for name in names))
