from __future__ import annotations

import io

from rich.console import Console

from affect_training.commands.bars import bars


def console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, force_terminal=terminal, width=100), written


def test_a_bar_has_its_name_and_counts_and_what_never_counts_has_none() -> None:
    shown, written = console(terminal=True)
    with bars(shown) as progress:
        progress("a download that was not needed")
        advance = progress("clips of [nobody]")
        advance(0, 0)
        advance(3, 12)
    text = written.getvalue()
    assert "clips of [nobody]" in text
    assert "3/12" in text
    assert "download" not in text


def test_what_is_no_terminal_is_left_alone() -> None:
    shown, written = console(terminal=False)
    with bars(shown) as progress:
        progress("clips")(1, 2)
    assert not written.getvalue()
