"""Decoding in processes of their own: the same samples, and what a decoder's end costs."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
import psutil
import pytest

import clips
from affect_core import front_ends
from affect_core.checkpoint import Checkpoint
from affect_core.decoders import Clip, Decoders, LocalDecoders
from affect_core.errors import (
    ClipError,
    DeadlineExceededError,
    FrameTooLargeError,
    UndecodableClipError,
)
from affect_core.events import Bytes, ClipDone, ClipJob, ClipOpened
from affect_core.limits import Deadline, Limits
from affect_core.pipeline import AffectPipeline
from affect_core.remote_decoders import LongWait, RemoteDecoders
from affect_core.runtime import Runtime
from affect_core.types import ClipInfo, Image, Sample, Sampling

Read = tuple[list[Sample], ClipInfo]


@pytest.fixture(scope="module")
def decoders() -> Iterator[RemoteDecoders]:
    made = RemoteDecoders(Limits())
    yield made
    made.close()


def read(decoders: Decoders, data: bytes, sampling: Sampling | None = None) -> Read:
    with decoders.clip(data, Deadline(60)) as clip:
        return list(clip.samples(sampling or Sampling())), clip.info


def parents() -> list[psutil.Process]:
    """What decoders are forked from."""
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE
        and "affect_core.decoder_process" in child.cmdline()
    ]


def forked() -> list[psutil.Process]:
    """Decoders that are at work."""
    return [decoder for parent in parents() for decoder in parent.children()]


def wait_until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize(
    "make",
    [
        clips.carphone,
        clips.portrait_pan,
        clips.two_faces,
        lambda: clips.lossless_portrait(90),
        lambda: clips.truncated(clips.remux(clips.portrait_pan(), container="matroska")),
    ],
)
@pytest.mark.parametrize("sampling", [Sampling(), Sampling(fps=30.0, start_s=0.3, end_s=1.1)])
def test_samples_are_those_of_a_reader_in_this_process(
    make: Callable[[], bytes], sampling: Sampling, decoders: RemoteDecoders
) -> None:
    data = make()
    remote, local = read(decoders, data, sampling), read(LocalDecoders(Limits()), data, sampling)
    assert remote[1] == local[1]
    assert [(s.index, s.time_s) for s in remote[0]] == [(s.index, s.time_s) for s in local[0]]
    for one, other in zip(remote[0], local[0], strict=True):
        np.testing.assert_array_equal(one.image, other.image)


@pytest.mark.parametrize(
    "make", [bytes, clips.audio_only, clips.zero_frames, clips.one_pixel, clips.huge_frame,
             clips.two_hours, clips.two_hour_header]
)  # fmt: skip
def test_errors_are_those_of_a_reader_in_this_process(
    make: Callable[[], bytes], decoders: RemoteDecoders
) -> None:
    data = make()
    raised: list[ClipError] = []
    for each in (decoders, LocalDecoders(Limits())):
        with pytest.raises(ClipError) as caught:
            read(each, data)
        raised.append(caught.value)
    assert type(raised[0]) is type(raised[1])
    assert str(raised[0]) == str(raised[1])


def test_a_sampling_without_a_sample_is_refused(decoders: RemoteDecoders) -> None:
    with pytest.raises(ClipError, match="start_s"):
        read(decoders, clips.portrait_pan(), Sampling(start_s=60.0))


def test_a_deadline_that_is_over_says_how_long_it_was(decoders: RemoteDecoders) -> None:
    with (
        pytest.raises(DeadlineExceededError, match="The 7 s"),
        decoders.clip(clips.portrait_pan(), Deadline.begun(7.0, 0.0)),
    ):
        pass


def test_a_crash_costs_its_clip_and_no_other(decoders: RemoteDecoders) -> None:
    data = clips.portrait_pan()
    with decoders.clip(data, Deadline(60)) as clip:
        samples = clip.samples(Sampling(fps=30.0))
        next(samples)
        with decoders.clip(data, Deadline(60)) as other:
            others = other.samples(Sampling())
            next(others)
            oldest = min(forked(), key=lambda process: process.create_time())
            oldest.send_signal(signal.SIGSEGV)
            with pytest.raises(UndecodableClipError, match="crashes its decoder"):
                list(samples)
            assert len(list(others)) == 9
    assert len(read(decoders, data)[0]) == 10


def test_a_decoder_that_hangs_is_given_up_at_the_deadline(
    decoders: RemoteDecoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("affect_core.remote_decoders._LATE_S", 0.1)
    wait_until(lambda: not forked())
    deadline = Deadline(60)
    with decoders.clip(clips.portrait_pan(), deadline) as clip:
        (stuck,) = forked()
        stuck.suspend()
        # From here on: opening takes as long as it takes.
        deadline.at = time.monotonic() + 0.5
        with pytest.raises(DeadlineExceededError):
            list(clip.samples(Sampling()))
        stuck.resume()
    wait_until(lambda: not forked())


def test_who_no_longer_wants_a_clip_has_its_turn_and_its_decoder_back(
    checkpoint: Checkpoint, runtime: Runtime
) -> None:
    wait_until(lambda: not forked())
    one = AffectPipeline(runtime, lambda _: [], checkpoint.spec.preprocess, Limits(), threads=1)
    work = one.begin()
    unwanted = work.add(ClipJob(clips.carphone(), Sampling(fps=1, start_s=3)))
    while not any(isinstance(event, ClipOpened) for event in work.turn()):
        pass
    (stuck,) = forked()
    stuck.suspend()  # as one that has long to decode before there is a sample
    wanted = work.add(ClipJob(clips.no_face()))
    work.cancel(unwanted)
    until, ended = time.monotonic() + 60, False
    while not ended:
        assert time.monotonic() < until
        ended = any(isinstance(event, ClipDone) and event.job == wanted for event in work.turn())
    stuck.resume()
    one.close()
    wait_until(lambda: not forked())


def test_a_long_wait_for_a_sample_is_told_and_a_short_one_is_not() -> None:
    entered = list[int]()

    @contextmanager
    def long_wait() -> Iterator[None]:
        entered.append(len(shown))
        (decoder,) = forked()
        decoder.resume()
        yield
        entered.append(len(shown))

    wait_until(lambda: not forked())
    made = RemoteDecoders(Limits(), long_wait)
    shown = list[Sample]()
    with made.clip(clips.carphone(), Deadline(60)) as clip:
        for sample in clip.samples(Sampling()):
            shown.append(sample)
            if len(shown) == 3:
                (decoder,) = forked()
                decoder.suspend()
    made.close()
    assert entered == [3, 3]
    assert len(shown) == 20


class Slow:
    """Decoders to which a clip that begins late takes until they are told to go on."""

    def __init__(self, limits: Limits, long_wait: LongWait) -> None:
        self._of = LocalDecoders(limits)
        self._long_wait = long_wait
        self.waiting = 0
        self.go_on = threading.Event()

    @contextmanager
    def clip(self, data: Bytes, deadline: Deadline) -> Iterator[Clip]:
        if data == clips.carphone():
            with self._long_wait():
                self.waiting += 1
                assert self.go_on.wait(60)
        with self._of.clip(data, deadline) as clip:
            yield clip

    def pictures(self, deadline: Deadline) -> AbstractContextManager[Callable[[Bytes], Image]]:
        return self._of.pictures(deadline)

    def close(self) -> None:
        self._of.close()


def test_clips_that_decode_for_long_do_not_hold_up_others(
    checkpoint: Checkpoint, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = list[Slow]()

    def slow_decoders(limits: Limits, long_wait: LongWait) -> Slow:
        made.append(Slow(limits, long_wait))
        return made[0]

    monkeypatch.setattr(front_ends, "isolated_decoders", slow_decoders)
    one = AffectPipeline(runtime, lambda _: [], checkpoint.spec.preprocess, Limits(), threads=1)
    work = one.begin()
    slow = {work.add(ClipJob(clips.carphone())) for _ in range(3)}
    wait_until(lambda: made[0].waiting == len(slow))
    quick = work.add(ClipJob(clips.no_face()))
    ended, until = set[int](), time.monotonic() + 60

    def until_ended(count: int) -> None:
        while len(ended) < count:
            assert time.monotonic() < until
            ended.update(event.job for event in work.turn() if isinstance(event, ClipDone))

    until_ended(1)
    assert ended == {quick}
    made[0].go_on.set()
    until_ended(4)
    one.close()


def test_a_loop_without_end_is_ended_in_c_code_too() -> None:
    script = (
        "from affect_core import decoder_process as d;"
        "d.PACKET_CPU_S = 0.2; d._alive(); sum(range(10**12))"
    )
    ended = subprocess.run([sys.executable, "-c", script], timeout=60, check=False)
    assert ended.returncode == -signal.SIGPROF


def test_nobody_decodes_for_who_has_left(decoders: RemoteDecoders) -> None:
    with decoders.clip(clips.carphone(), Deadline(60)) as clip:
        assert len(list(islice(clip.samples(Sampling()), 3))) == 3
        assert len(forked()) == 1
    wait_until(lambda: not forked())


def test_another_parent_takes_the_place_of_one_that_was_killed(decoders: RemoteDecoders) -> None:
    data = clips.portrait_pan()
    expected = read(decoders, data)
    for parent in parents():
        parent.kill()
        parent.wait()
    again = read(decoders, data)
    assert len(again[0]) == len(expected[0])
    for one, other in zip(again[0], expected[0], strict=True):
        np.testing.assert_array_equal(one.image, other.image)


def test_memory_is_bounded() -> None:
    little = RemoteDecoders(Limits(max_decoder_bytes=2**28))
    large = clips.encode(
        [np.zeros((4320, 8192, 3), np.uint8)] * 3, codec="libx264", options={"preset": "ultrafast"}
    )
    try:
        with pytest.raises((FrameTooLargeError, UndecodableClipError)):
            read(little, large)
        assert len(read(little, clips.portrait_pan())[0]) == 10
    finally:
        little.close()


def test_a_decoder_holds_no_file_but_its_own(decoders: RemoteDecoders) -> None:
    with decoders.clip(clips.portrait_pan(), Deadline(60)):
        (process,) = forked()
        opened = [str(fd.readlink()) for fd in Path(f"/proc/{process.pid}/fd").iterdir()]
        limits = {kind: process.rlimit(kind) for kind in (psutil.RLIMIT_CORE, psutil.RLIMIT_FSIZE)}
    assert sum(name.startswith("socket:") for name in opened) == 1
    others = {name for name in opened if not name.startswith("socket:")}
    assert others == {"/dev/null", "/memfd:frame (deleted)"}
    assert set(limits.values()) == {(0, 0)}


def test_pictures_are_decoded_alike(decoders: RemoteDecoders) -> None:
    import cv2

    picture = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    data = cv2.imencode(".png", picture)[1].tobytes()
    for each in (decoders, LocalDecoders(Limits())):
        with each.pictures(Deadline(60)) as decode:
            for _ in range(2):
                np.testing.assert_array_equal(decode(data), picture[..., ::-1])
            with pytest.raises(UndecodableClipError):
                decode(data[:40])
            np.testing.assert_array_equal(decode(data), picture[..., ::-1])
