from __future__ import annotations

import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import floats, sampled_from

from affect_core.session import Session
from affect_core.sessions import Sessions
from affect_core.spec import PreprocessSpec

SPEC = PreprocessSpec(crop_size=32)
IDLE_S, MOST = 10.0, 3
names = sampled_from(["a", "b", "c", "d", "e"])


class SessionsMachine(RuleBasedStateMachine):
    """Against a plain table of names with the time of their last use."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.sessions = Sessions(IDLE_S, MOST, lambda: self.now)
        self.table: dict[str, tuple[Session, float]] = {}

    @rule(seconds=floats(0, 2 * IDLE_S))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(name=names)
    def keep(self, name: str) -> None:
        session = Session.begin(SPEC, "all")
        self.sessions.keep(name, session)
        self.table.pop(name, None)
        self.forget_idle()
        if len(self.table) == MOST:
            del self.table[min(self.table, key=lambda kept: self.table[kept][1])]
        self.table[name] = (session, self.now)

    @rule(name=names)
    def find(self, name: str) -> None:
        self.forget_idle()
        kept = self.table.get(name)
        assert self.sessions.find(name) is (None if kept is None else kept[0])

    @rule(name=names)
    def end(self, name: str) -> None:
        self.sessions.end(name)
        self.table.pop(name, None)

    @rule()
    def sweep(self) -> None:
        self.sessions.sweep()
        self.forget_idle()
        assert len(self.sessions) == len(self.table)

    @invariant()
    def bounded(self) -> None:
        assert len(self.sessions) <= MOST

    def forget_idle(self) -> None:
        self.table = {
            name: kept for name, kept in self.table.items() if self.now - kept[1] <= IDLE_S
        }


TestSessions = SessionsMachine.TestCase


@pytest.mark.parametrize(("idle_s", "most"), [(0.0, 1), (1.0, 0)])
def test_bounds_that_keep_nothing_are_refused(idle_s: float, most: int) -> None:
    with pytest.raises(ValueError, match="no session could be kept"):
        Sessions(idle_s, most)
