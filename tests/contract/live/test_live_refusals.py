"""A live request that is refused says why and changes nothing, in its session or in others."""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path
from typing import Any

import pytest
from ts.context import Context

import clips
from affect_client import wire
from affect_core.session import Session
from affect_core.types import Image
from live_steps import Step, encoded, headers, jpeg, lossless, pictures, piece, png, sampled
from pictures_of import png_of_size
from worker import build_context, call_each, initialised

FRAMES = sampled(clips.carphone(), 6)
PNG = png(FRAMES[0])


def ask(handler: Any, context: Context, *batch: Step) -> list[wire.LiveAnswer | wire.Problem]:
    answers: list[wire.LiveAnswer | wire.Problem] = []
    for position, text in enumerate(call_each(handler, context, batch)):
        if context.get_response_status(position)[0] == 200:
            assert context.get_response_content_type(position) == "application/json"
            answers.append(wire.LiveAnswer.model_validate_json(text))
        else:
            assert context.get_response_content_type(position) == wire.PROBLEM_MEDIA_TYPE
            problem = wire.Problem.model_validate_json(text)
            assert context.get_response_status(position)[0] == problem.status
            answers.append(problem)
    return answers


def problem_of(answer: wire.LiveAnswer | wire.Problem) -> wire.Problem:
    assert isinstance(answer, wire.Problem), answer
    return answer


def frames_of(answer: wire.LiveAnswer | wire.Problem) -> list[wire.Frame]:
    assert isinstance(answer, wire.LiveAnswer), answer
    return answer.frames


def one(k: int, **options: Any) -> dict[str, bytearray]:
    return pictures([FRAMES[k]], [k / 5], **options)


def other_size() -> Image:
    return FRAMES[1][:-16]


REFUSED: dict[str, tuple[dict[str, Any], wire.ProblemCode]] = {
    "nothing": ({}, "empty_body"),
    "a raw body": ({"body": bytearray(PNG)}, "invalid_options"),
    "an unknown part": ({**one(1), "frame01": bytearray(PNG)}, "invalid_options"),
    "no options": ({"frame0": bytearray(PNG)}, "invalid_options"),
    "options that are no JSON": (
        {"frame0": bytearray(PNG), "options": bytearray(b"{")},
        "invalid_options",
    ),
    "an unknown option": (pictures([PNG], [0.2], fps=3), "invalid_options"),
    "more times than pictures": (pictures([PNG], [0.2, 0.4]), "invalid_options"),
    "more pictures than times": (pictures([PNG, PNG], [0.2]), "invalid_options"),
    "start_s with pictures": (
        {"frame0": bytearray(PNG), "options": encoded({"start_s": 0.2})},
        "invalid_options",
    ),
    "times_s with a clip": (
        {"data": bytearray(clips.carphone()), "options": encoded({"times_s": [0.2]})},
        "invalid_options",
    ),
    "pictures and a clip": ({**one(1), "data": bytearray(clips.carphone())}, "invalid_options"),
    "pictures that do not count from 0": (
        {"frame1": bytearray(PNG), "options": encoded({"times_s": [0.2]})},
        "invalid_options",
    ),
    "text for a picture": (
        {"frame0": "hello", "options": encoded({"times_s": [0.2]})},
        "undecodable_clip",
    ),
    "times that fall": (pictures([PNG, PNG], [0.4, 0.2]), "invalid_options"),
    "a time not after the session's": (pictures([PNG], [0.0]), "invalid_options"),
    "a clip not after the session's": (piece(lossless(FRAMES[1:2]), 0.0), "invalid_options"),
    "a picture that is none": (pictures([b"hello"], [0.2]), "undecodable_clip"),
    "a good picture and a bad one": (pictures([PNG, b"hello"], [0.2, 0.4]), "undecodable_clip"),
    "half a picture": (pictures([jpeg(FRAMES[1])[:900]], [0.2]), "undecodable_clip"),
    "a clip that is none": (piece(b"hello", 0.2), "undecodable_clip"),
    "a clip without video": (piece(clips.audio_only(), 0.2), "no_video_stream"),
    "a picture too large": (pictures([png_of_size(PNG, 9000, 9000)], [0.2]), "frame_too_large"),
    "a clip too large": (piece(clips.huge_frame(), 0.2), "frame_too_large"),
    "a frame of another size": (pictures([other_size()], [0.2]), "invalid_options"),
    "a clip of another size": (piece(lossless([other_size()]), 0.2), "invalid_options"),
    "too many pictures": (pictures([PNG] * 65, [1 + k for k in range(65)]), "clip_too_long"),
    "too long a clip": (
        piece(clips.encode([FRAMES[0]] * 70, fps=5), 0.2, sample_fps=5),
        "clip_too_long",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_request_changes_nothing(name: str, handler: Any, context: Context) -> None:
    row, code = REFUSED[name]
    ask(handler, context, (one(0), headers("bad", start=True)), (one(0), headers("a", start=True)))
    refused, beside = ask(handler, context, (row, headers("bad")), (one(1), headers("a")))
    problem = problem_of(refused)
    assert problem.code == code
    assert (problem.status, problem.title) == wire.PROBLEMS[code]
    assert len(problem.detail.split()) > 5
    assert "hello" not in problem.detail
    assert len(frames_of(beside)) == 1
    again, expected = ask(
        handler,
        context,
        (pictures(FRAMES[1:3], [0.2, 0.4]), headers("bad")),
        (one(2), headers("a")),
    )
    (first, second), (same,) = frames_of(again), frames_of(expected)
    assert (first.index, second.index) == (1, 2)
    (face,), (other,) = second.faces, same.faces
    assert (face.track, face.box) == (other.track, other.box)
    assert face.arousal == pytest.approx(other.arousal, abs=1e-5)
    assert face.valence == pytest.approx(other.valence, abs=1e-5)


def test_an_unknown_session_is_told_how_to_begin(handler: Any, context: Context) -> None:
    problem = problem_of(ask(handler, context, (one(0), headers("never")))[0])
    assert problem.code == "unknown_session"
    assert problem.status == 409
    assert "ts_request_sequence_start: true" in problem.detail
    assert "30 s" in problem.detail


def test_a_session_that_ended_is_unknown(handler: Any, context: Context) -> None:
    ask(handler, context, (one(0), headers("e", start=True)))
    assert len(frames_of(ask(handler, context, (one(1), headers("e", end=True)))[0])) == 1
    assert problem_of(ask(handler, context, (one(2), headers("e")))[0]).code == "unknown_session"
    assert problem_of(ask(handler, context, ({}, headers("e", end=True)))[0]).code == (
        "unknown_session"
    )


def test_one_request_may_be_a_whole_session(handler: Any, context: Context) -> None:
    (answer,) = ask(handler, context, (one(0), headers("o", start=True, end=True)))
    assert len(frames_of(answer)) == 1
    assert problem_of(ask(handler, context, (one(1), headers("o")))[0]).code == "unknown_session"


def test_a_session_that_starts_again_is_fresh(handler: Any, context: Context) -> None:
    ask(handler, context, (pictures(FRAMES[:3], [0, 0.2, 0.4]), headers("again", start=True)))
    (answer,) = ask(handler, context, (one(0), headers("again", start=True)))
    (fresh,) = ask(handler, context, (one(0), headers("new", start=True)))
    assert frames_of(answer) == frames_of(fresh)


def test_a_start_that_is_refused_leaves_the_session_of_that_name(
    handler: Any, context: Context
) -> None:
    bad = pictures([b"hello"], [0.0])
    assert problem_of(ask(handler, context, (bad, headers("n", start=True)))[0]).status == 422
    assert problem_of(ask(handler, context, (one(0), headers("n")))[0]).status == 409
    ask(handler, context, (one(0), headers("n", start=True)))
    ask(handler, context, (bad, headers("n", start=True)))
    assert frames_of(ask(handler, context, (one(1), headers("n")))[0])[0].index == 1


def test_headers_may_be_written_in_any_case(handler: Any, context: Context) -> None:
    written = {"ts_request_sequence_id": "c", "Ts_Request_Sequence_Start": "True"}
    assert len(frames_of(ask(handler, context, (one(0), written))[0])) == 1


def test_a_part_cannot_pose_as_a_header(handler: Any, context: Context) -> None:
    # TorchServe keeps the content types of parts beside the headers, under the parts' names.
    posing: Any = {
        "ts_request_sequence_id": "posing",
        "ts_request_sequence_start": {"content-type": "true"},
    }
    assert problem_of(ask(handler, context, (one(0), posing))[0]).status == 409


def test_idle_sessions_are_forgotten_though_nobody_asks(
    unpacked_live: Path, small_store: Path
) -> None:
    context = build_context(unpacked_live, small_store)
    context.model_yaml_config["sequenceMaxIdleMSec"] = 200
    handler = initialised(context)
    sessions = handler._service._sessions
    sessions.idle_s = 0.4
    ask(handler, context, (one(0), headers("i", start=True)), (one(0), headers("j", start=True)))
    kept = {id(session) for session, _ in sessions._kept.values()}
    assert len(kept) == len(sessions) == 2
    deadline = time.monotonic() + 30
    while len(sessions) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(sessions) == 0
    gc.collect()
    left = [thing for thing in gc.get_objects() if type(thing) is Session]
    assert kept.isdisjoint(map(id, left))  # no thread, queue or batch holds on to one
    problem = problem_of(ask(handler, context, (one(1), headers("i")))[0])
    assert problem.code == "unknown_session"
    assert "0.2 s" in problem.detail


def test_no_more_sessions_are_kept_than_torchserve_has_places_for(
    unpacked_live: Path, small_store: Path
) -> None:
    context = build_context(unpacked_live, small_store)
    context.model_yaml_config["maxNumSequence"] = 2
    handler = initialised(context)
    for name in ("a", "b", "c"):
        ask(handler, context, ({}, headers(name, start=True)))
    statuses = [
        getattr(answer, "status", 200)
        for answer in ask(handler, context, *((one(0), headers(name)) for name in "abc"))
    ]
    assert statuses == [409, 200, 200]


def test_a_defect_in_one_session_is_reported_and_touches_no_other(
    handler: Any,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ask(handler, context, (one(0), headers("d", start=True)), (one(0), headers("f", start=True)))
    finder = handler._service._pipeline._front_ends._finder
    detect = finder._detector
    marked = FRAMES[1].copy()
    marked[:] = 255

    def failing(image: Image) -> Any:
        if image.min() == 255:
            raise RuntimeError("secret content of the picture")
        return detect(image)

    monkeypatch.setattr(finder, "_detector", failing)
    broken, fine = ask(
        handler, context, (pictures([marked], [0.2]), headers("d")), (one(1), headers("f"))
    )
    assert problem_of(broken).code == "internal_error"
    assert len(frames_of(fine)) == 1
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text
    assert frames_of(ask(handler, context, (one(1), headers("d")))[0])[0].index == 1


def test_random_bytes_in_every_place_are_refused_one_by_one(handler: Any, context: Context) -> None:
    batch: list[Step] = []
    for k in range(6):
        row = {"frame0": bytearray(os.urandom(500)), "options": encoded({"times_s": [0.0]})}
        batch.append((row, headers(f"r{k}", start=True)))
    batch.append((one(0), headers("good", start=True)))
    *bad, good = ask(handler, context, *batch)
    assert {problem_of(answer).code for answer in bad} == {"undecodable_clip"}
    assert len(frames_of(good)) == 1
