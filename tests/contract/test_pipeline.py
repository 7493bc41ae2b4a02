"""A clip's numbers are its own: alone, in a batch, in chunks of any size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import clips
from affect_core.checkpoint import Checkpoint
from affect_core.decode import ClipReader
from affect_core.errors import ClipError
from affect_core.events import ClipDone, ClipFailed, ClipJob, ClipOpened, Event, FrameDone
from affect_core.faces import choose_detector
from affect_core.frontend import prepare_samples
from affect_core.limits import Deadline, Limits
from affect_core.pipeline import AffectPipeline
from affect_core.runtime import Runtime
from affect_core.types import FaceAffect, FrameAffect, Image, RawFace, Sampling, StageSeconds

TOLERANCE = 1e-5
"""What float32 rounding may do when crops share a batch with others: the backbone's features
move by 2.5e-6 of their largest value, and the temporal model must not multiply that much."""

ALL = Sampling(faces="all")


def frames_of(pipeline: AffectPipeline, jobs: Sequence[ClipJob]) -> list[list[FrameAffect]]:
    frames: list[list[FrameAffect]] = [[] for _ in jobs]
    for event in pipeline.events(jobs):
        if isinstance(event, FrameDone):
            frames[event.job].append(event.frame)
        assert not isinstance(event, ClipFailed), event
    return frames


def assert_same(left: Sequence[FrameAffect], right: Sequence[FrameAffect]) -> None:
    assert [f.index for f in left] == [f.index for f in right]
    for one, other in zip(left, right, strict=True):
        assert [f.face for f in one.faces] == [f.face for f in other.faces]
        for a, b in zip(one.faces, other.faces, strict=True):
            assert a.arousal == pytest.approx(b.arousal, abs=TOLERANCE)
            assert a.valence == pytest.approx(b.valence, abs=TOLERANCE)


def independent(data: bytes, checkpoint: Checkpoint, sampling: Sampling) -> list[FrameAffect]:
    """The same model over whole tracks, one at a time: no batch, no chunk, no pool."""
    model, spec = checkpoint.model, checkpoint.spec.preprocess
    detector = choose_detector("libfacedetection").detect
    with ClipReader(data, Limits(), Deadline(60)) as reader:
        samples = list(prepare_samples(reader, sampling, detector, spec, StageSeconds()))
    values: dict[tuple[int, int], FaceAffect] = {}
    for track in {crop.face.track for sample in samples for crop in sample.crops}:
        seen = [(s.index, c) for s in samples for c in s.crops if c.face.track == track]
        with torch.inference_mode():
            features = torch.cat(
                [model.features(torch.from_numpy(crop.pixels)[None]) for _, crop in seen]
            )
            mask = torch.ones((1, len(seen)), dtype=torch.bool)
            outputs, _ = model.temporal(features[None], mask, model.temporal.initial_state(1))
        for (index, crop), (valence, arousal) in zip(seen, outputs[0].tolist(), strict=True):
            values[index, track] = FaceAffect(crop.face, arousal=arousal, valence=valence)
    return [
        FrameAffect(
            s.index,
            s.time_s,
            tuple(values[s.index, crop.face.track] for crop in s.crops),
        )
        for s in samples
    ]


@pytest.mark.parametrize("make", [clips.carphone, clips.two_faces, clips.portrait_pan])
def test_real_clips_give_what_the_model_gives_track_by_track(
    make: Callable[[], bytes], pipeline: AffectPipeline, checkpoint: Checkpoint
) -> None:
    data = make()
    (frames,) = frames_of(pipeline, [ClipJob(data, ALL)])
    assert any(frame.faces for frame in frames)
    assert_same(frames, independent(data, checkpoint, ALL))


@settings(max_examples=12)
@given(
    patterns=st.lists(st.lists(st.booleans(), min_size=1, max_size=14), min_size=1, max_size=4),
    chunk=st.integers(1, 20),
)
def test_company_gaps_lengths_and_chunks_do_not_change_a_clip(
    patterns: list[list[bool]], chunk: int, pipeline: AffectPipeline, runtime: Runtime
) -> None:
    jobs = [ClipJob(clips.face_comes_and_goes(tuple(p)), ALL) for p in patterns]
    alone = [frames_of(pipeline, [job])[0] for job in jobs]
    usual = runtime.chunk_size
    runtime.chunk_size = chunk
    try:
        together = frames_of(pipeline, jobs)
    finally:
        runtime.chunk_size = usual
    for pattern, one, other in zip(patterns, alone, together, strict=True):
        assert len(one) == len(pattern)
        assert [bool(frame.faces) for frame in one] == pattern
        assert_same(one, other)


def test_a_short_loss_keeps_id_and_state_and_a_long_one_ends_both(
    pipeline: AffectPipeline,
) -> None:
    short = (True, True, False, False, True)
    long = (True, True, *[False] * 7, True)
    first, second = frames_of(
        pipeline,
        [ClipJob(clips.face_comes_and_goes(p), ALL) for p in (short, long)],
    )
    assert {f.face.track for frame in first for f in frame.faces} == {0}
    assert [f.face.track for frame in second for f in frame.faces] == [0, 0, 1]
    fresh, reborn = second[0].faces[0], second[-1].faces[0]
    assert reborn.arousal == pytest.approx(fresh.arousal, abs=1e-3)
    continued = first[-1].faces[0]
    assert abs(continued.arousal - fresh.arousal) > abs(reborn.arousal - fresh.arousal)


def test_primary_gives_the_same_numbers_as_all_for_its_face(pipeline: AffectPipeline) -> None:
    data = clips.two_faces()
    everyone, primary = frames_of(pipeline, [ClipJob(data, ALL), ClipJob(data)])
    assert max(len(frame.faces) for frame in everyone) == 2
    for all_faces, one in zip(everyone, primary, strict=True):
        assert len(one.faces) <= 1
        for face in one.faces:
            (same,) = [f for f in all_faces.faces if f.face == face.face]
            assert face.arousal == pytest.approx(same.arousal, abs=TOLERANCE)


def test_each_job_opens_gives_frames_in_order_and_closes_once(pipeline: AffectPipeline) -> None:
    jobs = [ClipJob(clips.no_face()), ClipJob(b"not a clip"), ClipJob(clips.portrait_pan())]
    events = list(pipeline.events(jobs))
    for job in (0, 2):
        mine = [e for e in events if e.job == job]
        assert isinstance(mine[0], ClipOpened)
        assert isinstance(mine[-1], ClipDone)
        indices = [e.frame.index for e in mine if isinstance(e, FrameDone)]
        assert indices == list(range(10))
        assert len(mine) == 12
    (failed,) = [e for e in events if e.job == 1]
    assert isinstance(failed, ClipFailed)
    assert isinstance(failed.error, ClipError)
    assert failed.error.code == "undecodable_clip"


@pytest.mark.parametrize("visible", [True, False])
def test_frames_leave_long_before_the_clip_is_decoded(
    visible: bool, checkpoint: Checkpoint, runtime: Runtime
) -> None:
    detected = 0
    detect = choose_detector("libfacedetection").detect

    def counting(image: Image) -> list[RawFace]:
        nonlocal detected
        detected += 1
        return detect(image)

    one = AffectPipeline(runtime, counting, checkpoint.spec.preprocess, Limits())
    events = one.events([ClipJob(clips.face_comes_and_goes((visible,) * 150))])
    first = next(event for event in events if isinstance(event, FrameDone))
    # A turn takes at most 32 samples while at most 32 more wait in the queue, and one in hand.
    assert detected <= 65
    assert first.frame.index == 0
    rest = [event for event in events if isinstance(event, FrameDone)]
    one.close()
    assert detected == 1 + len(rest) == 150


def test_the_first_frame_of_a_clip_does_not_wait_for_a_chunk(pipeline: AffectPipeline) -> None:
    work = pipeline.begin()
    work.add(ClipJob(clips.carphone()))
    frames: list[FrameDone] = []
    while not frames:
        frames = [event for event in work.turn() if isinstance(event, FrameDone)]
    assert [event.frame.index for event in frames] == [0]
    work.close()


def test_a_job_that_is_cancelled_gives_no_event_any_more(pipeline: AffectPipeline) -> None:
    work = pipeline.begin()
    kept, cancelled = work.add(ClipJob(clips.carphone())), work.add(ClipJob(clips.carphone()))
    work.turn()
    work.cancel(cancelled)
    work.cancel(cancelled)
    events: list[Event] = []
    while work.jobs:
        events += work.turn()
    assert {event.job for event in events} == {kept}
    assert sum(isinstance(event, FrameDone) for event in events) == 20
    assert work.turn() == []


def test_a_defect_in_one_clip_is_reported_and_touches_no_other(
    checkpoint: Checkpoint, runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    calls = 0

    def detector(image: object) -> list[tuple[float, float, float, float, float]]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("secret content of the clip")
        return []

    one = AffectPipeline(runtime, detector, checkpoint.spec.preprocess, Limits(), threads=1)
    events = list(one.events([ClipJob(clips.no_face()), ClipJob(clips.portrait_pan())]))
    one.close()
    failed = [e.job for e in events if isinstance(e, ClipFailed) and e.error is None]
    done = [e.job for e in events if isinstance(e, ClipDone)]
    # Either may be looked at first.
    assert sorted(failed + done) == [0, 1]
    assert len(failed) == 1
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_a_batch_over_its_deadline_answers_every_clip_with_it(
    checkpoint: Checkpoint, runtime: Runtime
) -> None:
    limits = Limits(max_wall_s=0.01)
    one = AffectPipeline(
        runtime, choose_detector("libfacedetection").detect, checkpoint.spec.preprocess, limits
    )
    events = list(one.events([ClipJob(clips.carphone()), ClipJob(clips.two_faces())]))
    one.close()
    failed = {e.job: e.error.code for e in events if isinstance(e, ClipFailed) and e.error}
    assert failed == {0: "deadline_exceeded", 1: "deadline_exceeded"}
