"""Clients of every kind, each sending one thing and judging what comes back."""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from affect_client import wire
from live_steps import headers
from torture import coded
from torture.tally import Became, Kind, Outcome
from torture.wires import POLITE, Answer, Manners, post

_Model = TypeVar("_Model", bound=BaseModel)
_SHORT: Final = 5
_LONG: Final = 60
_LIVE_STEPS: Final = 4
_PATIENCE_S: Final = 120.0
_PATH: Final = "/predictions/affect"
_LIVE_PATH: Final = "/predictions/affect-live"
MAIN: Final[Mapping[Kind, float]] = {"short": 0.75, "long": 0.05, "bad": 0.12, "hang-up": 0.08}
"""Shares of what is sent at a rate."""
BESIDE: Final[Mapping[Kind, float]] = {"live": 0.4, "trickle": 0.4}
"""A second, whatever the rate of the rest."""


class Traffic:
    """Sends to one service; knows the right answers, which it was given alone.

    Args:
        host: of the service.
        port: inference.
        seed: of the order of things.
    """

    def __init__(self, host: str, port: int, seed: int = 7) -> None:
        self._host, self._port = host, port
        self._random = random.Random(seed)  # noqa: S311
        self._alone: dict[tuple[int, int], list[wire.Frame]] = {}
        self._alone_live: dict[int, list[wire.Frame]] = {}
        self._senders: dict[Kind, Callable[[], Awaitable[tuple[Became, Answer]]]] = {
            "short": lambda: self._clip(_SHORT),
            "long": lambda: self._clip(_LONG),
            "bad": self._bad,
            "hang-up": lambda: self._hang_up(self._random.uniform(0, 0.5)),
            "trickle": lambda: self._clip(_SHORT, Manners(trickle_s=8)),
            "live": self._live,
        }

    async def learn(self, codes: Iterable[int] = coded.CODES, *, live: bool = True) -> None:
        """Ask for every answer alone.

        Raises:
            AssertionError: two codes cannot be told apart.
        """
        for code in codes:
            for samples in (_SHORT, _LONG):
                answer = await self._post(_PATH, {"data": coded.clip(code, samples)})
                assert answer.status == 200, answer
                frames = wire.Prediction.model_validate_json(answer.body).frames
                for (_, length), others in self._alone.items():
                    assert length != samples or not coded.same(frames, others)
                self._alone[code, samples] = frames
            if live:
                _, frames = await self._session(code)
                assert len(frames) == _LIVE_STEPS
                self._alone_live[code] = frames

    def pick(self) -> Kind:
        """One of the main kinds, by their shares."""
        return self._random.choices(list(MAIN), list(MAIN.values()))[0]

    def gap_s(self, rate: float) -> float:
        """Until the next arrival of a Poisson process of so many a second."""
        return self._random.expovariate(rate)

    async def send(self, kind: Kind, due_s: float | None = None) -> Outcome:
        """One of a kind; `due_s` by the monotonic clock, now unless given."""
        began = time.monotonic() if due_s is None else due_s
        try:
            became, answer = await asyncio.wait_for(self._senders[kind](), _PATIENCE_S)
        except (OSError, EOFError, TimeoutError, asyncio.TimeoutError):
            became, answer = "failed", Answer()
        return Outcome(
            kind,
            became,
            time.monotonic() - began,
            answer.status,
            "retry-after" in answer.headers,
            answer.headers.get("x-request-id", ""),
            answer.more,
        )

    async def _post(
        self,
        path: str,
        parts: Mapping[str, bytes],
        more: Mapping[str, str] | None = None,
        manners: Manners = POLITE,
    ) -> Answer:
        return await post(self._host, self._port, path, parts, headers=more, manners=manners)

    async def _clip(self, samples: int, manners: Manners = POLITE) -> tuple[Became, Answer]:
        code = self._random.choice([code for code, length in self._alone if length == samples])
        answer = await self._post(_PATH, {"data": coded.clip(code, samples)}, None, manners)
        return judged(answer, self._alone[code, samples]), answer

    async def _bad(self) -> tuple[Became, Answer]:
        data = coded.clip(self._random.choice(list(coded.CODES)))
        broken = self._random.choice([data[: len(data) // 3], b"no clip at all", data[::-1]])
        answer = await self._post(_PATH, {"data": broken})
        problem = problem_of(answer)
        right = answer.status == 422 and problem is not None
        return _refused(answer) or ("right" if right else "failed"), answer

    async def _hang_up(self, after_s: float) -> tuple[Became, Answer]:
        code = self._random.choice(list(coded.CODES))
        manners = Manners(hang_up_after_s=after_s)
        answer = await self._post(_PATH, {"data": coded.clip(code)}, None, manners)
        return _refused(answer) or "left", answer

    async def _live(self) -> tuple[Became, Answer]:
        code = self._random.choice(list(self._alone_live))
        answer, frames = await self._session(code)
        if len(frames) < _LIVE_STEPS:
            return _refused(answer) or "failed", answer
        return ("right" if coded.same(frames, self._alone_live[code]) else "wrong"), answer

    async def _session(self, code: int) -> tuple[Answer, list[wire.Frame]]:
        """A whole live session; the last answer, and the frames up to what was no answer."""
        name = f"torture-{uuid.uuid4()}"
        frames: list[wire.Frame] = []
        answer = Answer()
        for step in range(_LIVE_STEPS):
            options = json.dumps({"times_s": [step / coded.FPS]}).encode()
            parts = {"frame0": coded.picture(code), "options": options}
            more = headers(name, start=step == 0, end=step == _LIVE_STEPS - 1)
            answer = await self._post(_LIVE_PATH, parts, more)
            if answer.status != 200:
                break
            frames += wire.LiveAnswer.model_validate_json(answer.body).frames
        return answer, frames


def judged(answer: Answer, expected: Sequence[wire.Frame]) -> Became:
    """What became of a clip whose answer is known."""
    refused = _refused(answer)
    if refused is not None:
        return refused
    prediction = _parsed(wire.Prediction, answer.body) if answer.status == 200 else None
    if prediction is None or not answer.whole:
        return "failed"
    return "right" if coded.same(prediction.frames, expected) else "wrong"


def problem_of(answer: Answer) -> wire.Problem | None:
    """The answer's problem details, if that is what it is."""
    if answer.headers.get("content-type") != wire.PROBLEM_MEDIA_TYPE:
        return None
    return _parsed(wire.Problem, answer.body)


def _refused(answer: Answer) -> Became | None:
    """A refusal as it should be: 503 or 429, problem details, and when to come again."""
    if answer.status not in {429, 503}:
        return None
    return "refused" if problem_of(answer) and "retry-after" in answer.headers else "failed"


def _parsed(kind: type[_Model], data: bytes) -> _Model | None:
    try:
        return kind.model_validate_json(data)
    except ValidationError:
        return None
