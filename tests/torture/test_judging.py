"""The measures themselves: a wrong answer, a second one and growth must show."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest

from affect_client import wire
from spoken import prediction
from torture import coded
from torture.census import growth_per_hour
from torture.tally import Outcome, Tally
from torture.traffic import judged
from torture.wires import Answer, Manners, post

WHOLE = json.dumps(prediction()).encode()
RIGHT = wire.Prediction.model_validate_json(WHOLE).frames
REFUSAL = wire.Problem.of("overloaded", "later").model_dump_json().encode()
PROBLEM = {"content-type": wire.PROBLEM_MEDIA_TYPE}


def test_every_code_is_another_clip() -> None:
    assert len({coded.clip(code) for code in coded.CODES}) == len(coded.CODES) == 18


def test_what_an_answer_is_taken_for() -> None:
    whole = WHOLE
    assert judged(Answer(200, {}, whole, whole=True), RIGHT) == "right"
    assert judged(Answer(200, {}, whole, whole=True), RIGHT[:-1]) == "wrong"
    assert judged(Answer(200, {}, whole[:-9], whole=True), RIGHT) == "failed"
    assert judged(Answer(200, {}, whole, whole=False), RIGHT) == "failed"
    told = {**PROBLEM, "retry-after": "5"}
    assert judged(Answer(503, told, REFUSAL, whole=True), RIGHT) == "refused"
    assert judged(Answer(503, PROBLEM, REFUSAL, whole=True), RIGHT) == "failed"
    assert judged(Answer(503, {"retry-after": "5"}, b"{}", whole=True), RIGHT) == "failed"
    assert judged(Answer(), RIGHT) == "failed"


def test_another_box_or_value_is_another_answer() -> None:
    (frame, *rest) = RIGHT
    (face, *others) = frame.faces
    for change in (
        {"box": face.box.model_copy(update={"x": face.box.x + 1})},
        {"valence": face.valence + 2 * coded.TOLERANCE},
        {"track": face.track + 1},
    ):
        changed = frame.model_copy(update={"faces": [face.model_copy(update=change), *others]})
        assert not coded.same([changed, *rest], RIGHT)
    assert coded.same(list(RIGHT), RIGHT)


def test_late_answers_are_no_goodput_and_ids_come_once() -> None:
    outcomes = [
        Outcome("short", "right", 1.0, 200, request_id="a"),
        Outcome("short", "right", 11.0, 200, request_id="b"),
        Outcome("bad", "right", 1.0, 422, request_id="b"),
        Outcome("short", "right", 1.0, 200, request_id="c", twice=True),
    ]
    tally = Tally(10, 10, outcomes)
    assert tally.goodput == pytest.approx(0.2)
    assert tally.twice == 2
    assert tally.lines()


def test_growth_is_of_an_hour() -> None:
    assert growth_per_hour([0, 30, 60], [99, 100, 101]) == pytest.approx(0.02)
    assert growth_per_hour([0, 1, 2], [50, 50, 50]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("sent", "more"), [(b"", False), (b"HTTP/1.1 200 OK\r\n\r\n", True)])
def test_a_second_answer_is_seen(sent: bytes, more: bool) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + sent)
        writer.close()

    async def ask() -> Answer:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await post("127.0.0.1", port, "/", {"data": b"x"})

    answer = asyncio.run(ask())
    assert (answer.status, answer.body, answer.whole, answer.more) == (200, b"ok", True, more)


def test_a_client_that_hangs_up_does_not_wait() -> None:
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read()
        writer.close()
        left.set()

    async def ask() -> Answer:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            manners = Manners(hang_up_after_s=0.1)
            answer = await post("127.0.0.1", port, "/", {"data": b"x"}, manners=manners)
            await asyncio.wait_for(left.wait(), 20)
            return answer

    assert asyncio.run(ask()).status == 0
