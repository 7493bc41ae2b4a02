"""Thousands of hostile clips through the decoder, and what they name stays untouched."""

from __future__ import annotations

import io
from collections import Counter
from contextlib import suppress
from pathlib import Path

import av
import httpx
import pytest

from affect_client.wire import PROBLEMS
from torture.corpus import FAMILIES, specimens
from torture.decoding import DEADLINE_S, decode, decoded_apart
from torture.lures import WatchedLures

CLIPS = 900
KNOWN = {"answered", "truncated", *PROBLEMS}
PLANTED = """
import os, signal, sys, time
from torture import decoding

number = int(sys.argv[sys.argv.index("--skip") + 1]) - 1

def decode(data):
    global number
    number += 1
    if number == 1:
        os.kill(os.getpid(), signal.SIGSEGV)
    if number == 2:
        time.sleep(60)
    return "answered"

decoding.decode = decode
decoding.main()
"""


def test_hostile_clips_get_an_outcome_of_the_contract_in_time() -> None:
    seen = list(decoded_apart(CLIPS))
    assert len(seen) == CLIPS
    assert [one for one in seen if one.outcome not in KNOWN] == []
    assert [one for one in seen if one.seconds > 2 * DEADLINE_S] == []
    outcomes = Counter((one.family, one.outcome) for one in seen)
    # Or all of it might fail for one reason that has nothing to do with the clips.
    assert outcomes["written", "answered"] > 30
    assert outcomes["truncated", "truncated"] > 10
    assert {family for family, _ in outcomes} == set(FAMILIES)


def test_a_clip_that_ends_its_process_is_told_and_the_rest_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "planted.py").write_text(PLANTED)
    monkeypatch.syspath_prepend(tmp_path)
    seen = list(decoded_apart(4, families=["strangers"], hang_s=1, program="planted"))
    assert [one.outcome for one in seen] == ["answered", "died: -11", "hung", "answered"]


def test_nothing_that_a_clip_names_is_touched(tmp_path: Path) -> None:
    with WatchedLures(tmp_path) as watched:
        chosen = specimens(families=("references",), lures=watched.lures)
        outcomes = [decode(specimen.data) for specimen in chosen]
        assert len(outcomes) > 200
        assert {outcome for outcome in outcomes if outcome not in KNOWN} == set()
        assert watched.opened() == []
        assert watched.requests == []


def test_what_watches_the_lures_sees_them_touched(tmp_path: Path) -> None:
    # Opened without the service's care, the same files do reach for what they name.
    with WatchedLures(tmp_path) as watched:
        chosen = specimens(families=("references",), lures=watched.lures)
        scripts = {s.name: s.data for s in chosen if s.name.startswith("concat-")}
        for name in ("concat-path", "concat-http"):
            careless = {"safe": "0", "protocol_whitelist": "file,http,tcp"}
            with suppress(av.FFmpegError):
                av.open(io.BytesIO(scripts[name]), format="concat", options=careless).close()
        assert "canary.mp4" in watched.opened()
        assert watched.requests[0].startswith("GET /canary.mp4")
        with pytest.raises(httpx.HTTPError):
            httpx.get(watched.lures.address, timeout=5)
        assert watched.requests[-1].startswith("GET / ")
