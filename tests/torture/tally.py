"""What became of requests, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Kind = Literal["short", "long", "bad", "hang-up", "live", "trickle"]
Became = Literal["right", "refused", "wrong", "failed", "left"]
WORK: Final[frozenset[Kind]] = frozenset({"short", "long"})
"""What capacity and goodput are counted in."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request, or one live session."""

    kind: Kind
    became: Became
    """`left`: the client hung up. `failed`: neither an answer nor a refusal as it should be."""
    seconds: float
    """From when it was due."""
    status: int = 0
    retry_after: bool = False
    request_id: str = ""
    twice: bool = False


def percentile(values: Iterable[float], share: float) -> float:
    """The nearest rank; NaN of nothing."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass
class Tally:
    """Outcomes of one phase.

    Args:
        seconds: how long requests were sent.
        deadline_s: within which an answer counts.
    """

    seconds: float
    deadline_s: float
    outcomes: list[Outcome] = field(default_factory=list)

    def of(self, became: Became, kinds: frozenset[Kind] = WORK) -> list[Outcome]:
        """Those of these kinds that became so."""
        return [one for one in self.outcomes if one.became == became and one.kind in kinds]

    @property
    def goodput(self) -> float:
        """Clips a second that were answered rightly within the deadline."""
        good = [one for one in self.of("right") if one.seconds <= self.deadline_s]
        return len(good) / self.seconds

    @property
    def mixed_up(self) -> int:
        """Answers that are not those of their clip."""
        return sum(one.became == "wrong" for one in self.outcomes)

    @property
    def twice(self) -> int:
        """Answers with another one behind them, or whose request id came twice."""
        ids = Counter(one.request_id for one in self.outcomes if one.request_id)
        return sum(one.twice for one in self.outcomes) + sum(n - 1 for n in ids.values())

    def lines(self) -> list[str]:
        """For people."""
        admitted = [one.seconds for one in self.of("right")]
        refused = [one for one in self.outcomes if one.became == "refused"]
        told = sum(one.retry_after for one in refused)
        failed = Counter(
            f"{one.kind}/{one.status}" for one in self.outcomes if one.became == "failed"
        )
        late = sum(seconds > self.deadline_s for seconds in admitted)
        waits = [one.seconds for one in refused if one.kind != "trickle"]
        kinds = Counter(one.kind for one in self.outcomes)
        lines = [
            f"sent {len(self.outcomes)} in {self.seconds:.0f} s: {_counts(kinds)}",
            f"goodput {self.goodput:.2f} clips/s",
            f"admitted clips {len(admitted)}: {_times(admitted)}; {late} late",
            f"refused {len(refused)} ({told} with Retry-After): {_times(waits)}",
            f"mixed up {self.mixed_up}, answered twice {self.twice}, failed {_counts(failed)}",
        ]
        for kind in ("live", "trickle", "bad"):
            these = [one for one in self.outcomes if one.kind == kind]
            became = Counter(one.became for one in these)
            right = [one.seconds for one in these if one.became == "right"]
            lines.append(f"{kind}: {_counts(became)}; {_times(right)}")
        return lines


def _counts(counter: Mapping[Any, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in counter.items()) or "0"


def _times(seconds: Sequence[float]) -> str:
    return f"p50 {percentile(seconds, 0.5):.3f} s, p99 {percentile(seconds, 0.99):.3f} s"


def busiest(outcomes: Sequence[Outcome]) -> Counter[str]:
    """How often each became what, for a line of progress."""
    return Counter(one.became for one in outcomes)
