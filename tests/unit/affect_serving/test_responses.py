from __future__ import annotations

import math
import statistics
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_client import wire
from affect_core import errors
from affect_core.errors import ClipError
from affect_core.types import (
    Box,
    ClipInfo,
    Detection,
    FaceAffect,
    FrameAffect,
    StageSeconds,
    TrackedFace,
)
from affect_serving.requests import RequestError
from affect_serving.responses import summarise_tracks, to_clip, to_frame, to_problem, to_timing

STATUSES = {
    errors.UndecodableClipError: ("undecodable_clip", 422),
    errors.NoVideoStreamError: ("no_video_stream", 422),
    errors.ClipTooLongError: ("clip_too_long", 413),
    errors.FrameTooLargeError: ("frame_too_large", 413),
    errors.InvalidSamplingError: ("invalid_options", 422),
    errors.SessionMismatchError: ("invalid_options", 422),
    errors.DeadlineExceededError: ("deadline_exceeded", 504),
}

affect = st.floats(-1, 1)
SQUARE = Box(-5, -5, 60, 60)


def valued(
    track: int, arousal: float, valence: float, box: Box | None = None, score: float = 0.9
) -> FaceAffect:
    detection = Detection(box or Box(10, 20, 30, 40), score)
    return FaceAffect(TrackedFace(track, detection, SQUARE), arousal, valence)


@pytest.mark.parametrize("error", ClipError.__subclasses__())
def test_every_error_of_a_clip_is_a_problem_of_the_contract(error: type[ClipError]) -> None:
    problem = to_problem(error("Send another clip."))
    assert (problem.code, problem.status) == STATUSES[error]
    assert problem.detail == "Send another clip."


def test_an_error_of_the_request_keeps_its_code_and_words() -> None:
    problem = to_problem(RequestError("empty_body", "Send a clip."))
    assert (problem.code, problem.status, problem.detail) == ("empty_body", 400, "Send a clip.")


def test_a_defect_of_ours_is_an_internal_error() -> None:
    problem = to_problem(None)
    assert (problem.code, problem.status) == ("internal_error", 500)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("duration_s", [None, 4.0, 1001 / 30_000])
def test_a_clip_is_described_as_it_was_found(rotation: int, duration_s: float | None) -> None:
    info = ClipInfo(duration_s, 176, 144, "h264", rotation, truncated=True)  # type: ignore[arg-type]
    clip = to_clip(info)
    assert clip.duration_s == (None if duration_s is None else pytest.approx(duration_s, abs=1e-6))
    assert (clip.width, clip.height, clip.codec) == (176, 144, "h264")
    assert (clip.rotation, clip.truncated) == (rotation, True)


@given(
    index=st.integers(0, 10_000),
    fps=st.floats(0.1, 30),
    face=st.tuples(affect, affect, st.floats(0, 1)),
    box=st.builds(
        Box, st.integers(0, 999), st.integers(0, 999), st.integers(1, 999), st.integers(1, 999)
    ),
)
def test_a_frame_keeps_its_numbers_up_to_rounding(
    index: int, fps: float, face: tuple[float, float, float], box: Box
) -> None:
    arousal, valence, score = face
    frame = FrameAffect(index, index / fps, (valued(3, arousal, valence, box, score),))
    answer = to_frame(frame)
    assert answer.index == index
    assert answer.time_s == pytest.approx(index / fps, abs=1e-6)
    (got,) = answer.faces
    assert (got.track, got.confidence) == (3, None)
    assert got.arousal == pytest.approx(arousal, abs=1e-6)
    assert got.valence == pytest.approx(valence, abs=1e-6)
    assert got.score == pytest.approx(score, abs=1e-4)
    assert (got.box.x, got.box.y) == (box.x, box.y)
    assert (got.box.width, got.box.height) == (box.width, box.height)


def test_a_frame_without_a_face_is_in_the_answer_with_none() -> None:
    assert to_frame(FrameAffect(7, 1.4, ())) == wire.Frame(index=7, time_s=1.4, faces=[])


def test_faces_stay_in_their_order() -> None:
    faces = tuple(valued(track, 0.0, 0.0) for track in (5, 2, 9))
    assert [face.track for face in to_frame(FrameAffect(0, 0.0, faces)).faces] == [5, 2, 9]


def test_every_stage_s_time_is_reported() -> None:
    seconds = StageSeconds(0.12345, 1.0, 2.00004, 3.0, 7.5)
    timing = to_timing(seconds)
    measured = {stage.name for stage in fields(StageSeconds)}
    assert set(wire.Timing.model_fields) == measured - {"queue"}
    for stage in wire.Timing.model_fields:
        assert getattr(timing, stage) == pytest.approx(getattr(seconds, stage), abs=1e-4)


# (frame index, track, arousal, valence), a track at most once a frame.
sightings = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 3), affect, affect),
    max_size=20,
    unique_by=lambda sighting: sighting[:2],
)


@given(seen=sightings)
def test_tracks_are_summarised_over_their_frames_with_a_face(
    seen: list[tuple[int, int, float, float]],
) -> None:
    frames = [
        to_frame(FrameAffect(k, k / 5, tuple(valued(t, a, v) for at, t, a, v in seen if at == k)))
        for k in range(9)
    ]
    tracks = summarise_tracks(frames)
    assert [track.track for track in tracks] == sorted({track for _, track, _, _ in seen})
    for track in tracks:
        own = [
            (frame.time_s, face)
            for frame in frames
            for face in frame.faces
            if face.track == track.track
        ]
        assert track.frames == len(own)
        assert (track.start_s, track.end_s) == (own[0][0], own[-1][0])
        for dimension in ("arousal", "valence"):
            numbers = [getattr(face, dimension) for _, face in own]
            found = getattr(track, dimension)
            assert (found.min, found.max) == (min(numbers), max(numbers))
            assert found.min <= found.mean <= found.max
            assert found.mean == pytest.approx(statistics.fmean(numbers), abs=1e-12)
            assert found.std == pytest.approx(statistics.pstdev(numbers), abs=1e-9)


@given(number=affect, count=st.integers(1, 60))
def test_equal_numbers_have_exactly_their_mean(number: float, count: int) -> None:
    frames = [to_frame(FrameAffect(k, k / 5, (valued(0, number, 1.0),))) for k in range(count)]
    (track,) = summarise_tracks(frames)
    assert track.arousal.mean == track.arousal.min == track.arousal.max
    assert track.valence.mean == 1.0
    assert math.isclose(track.arousal.std, 0, abs_tol=1e-12)


def test_no_faces_give_no_tracks() -> None:
    assert summarise_tracks([wire.Frame(index=0, time_s=0.0, faces=[])]) == []
