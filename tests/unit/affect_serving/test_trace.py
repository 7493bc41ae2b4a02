"""Identifiers of requests: taken in their shape, and in no other."""

from __future__ import annotations

import pytest
from ts.context import Context, RequestProcessor

from affect_serving.trace import Origin

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"


def origin(**headers: str) -> Origin:
    context = Context("affect", "", {}, 1, None, "0.12.0")
    context.request_processor = [
        RequestProcessor({name.replace("_", "-"): value for name, value in headers.items()})
    ]
    context.request_ids = {0: "request"}
    return Origin.of(context, 0)


@pytest.mark.parametrize("version", ["00", "01", "cc"])
def test_a_trace_is_taken_apart(version: str) -> None:
    found = origin(Traceparent=f"{version}-{TRACE}-{SPAN}-01")
    assert (found.request, found.trace, found.span) == ("request", TRACE, SPAN)


@pytest.mark.parametrize(
    "sent",
    ["", "a name", f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01",
     GOOD.upper(), GOOD + "\n", GOOD + "-x", f"00-{TRACE}-{SPAN}"],
)  # fmt: skip
def test_what_is_no_trace_is_none(sent: str) -> None:
    found = origin(traceparent=sent)
    assert (found.traceparent, found.trace, found.span) == (None, None, None)


@pytest.mark.parametrize(
    ("sent", "taken"),
    [("0123456789abcdef" * 2, True), ("6f1c8a52-0b7e-4a47-8f0e-0123456789ab", True),
     ("somebody's name", False), ("0123456789ABCDEF" * 2, False), ("", False)],
)  # fmt: skip
def test_a_gateway_s_id_is_taken_in_two_shapes(sent: str, taken: bool) -> None:
    assert origin(x_request_id=sent).gateway_request == (sent if taken else None)
