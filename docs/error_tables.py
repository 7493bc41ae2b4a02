"""The tables of docs/errors-and-retries.md, from the classes themselves."""

from __future__ import annotations

from collections.abc import Iterator

import affect_client
from affect_client import AffectError, ConnectionLostError, StatusError
from affect_client.refusals import BY_CODE, BY_STATUS
from affect_client.retries import Repeat, may_retry
from affect_client.wire import PROBLEMS
from reference_text import table


def filled(page: str) -> str:
    """docs/errors-and-retries.md with its tables written anew."""
    tables = {
        "codes": table(("code", "status", "class", "tried again", "what to do"), codes()),
        "statuses": table(("status", "class", "tried again", "what to do"), statuses()),
        "others": table(("class", "tried again", "what to do"), others()),
    }
    for name, lines in tables.items():
        begin, end = f"<!-- {name}: make reference -->\n", f"<!-- end of {name} -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}" + "\n".join(lines[:-1]) + f"\n{end}{after}"
    return page


def codes() -> Iterator[list[str]]:
    """Every problem code."""
    for code, (status, _) in PROBLEMS.items():
        kind = BY_CODE[code]
        yield [f"`{code}`", str(status), f"`{kind.__name__}`", again(kind), kind.advice]


def statuses() -> Iterator[list[str]]:
    """Every status that has a class."""
    for status, kind in sorted(BY_STATUS.items()):
        if kind is not StatusError:
            yield [str(status), f"`{kind.__name__}`", again(kind), kind.advice]


def others() -> Iterator[list[str]]:
    """Every class that says what to do, and is no refusal."""
    for kind in family(AffectError):
        if not issubclass(kind, StatusError) and kind.advice:
            yield [f"`{kind.__name__}`", again(kind), kind.advice]


def again(kind: type[AffectError]) -> str:
    """Whether `predict` tries again after it."""
    error = kind()
    if isinstance(error, ConnectionLostError):
        error.begun = True
        after = "" if may_retry(error, Repeat.ALWAYS) else " unless the answer had begun"
        error.begun = False
        return ("yes" if may_retry(error, Repeat.ALWAYS) else "no") + after
    return "yes" if may_retry(error, Repeat.ALWAYS) else "no"


def family(kind: type[AffectError]) -> Iterator[type[AffectError]]:
    """A class and all below it, that are public."""
    if kind.__name__ in affect_client.__all__:
        yield kind
    for child in kind.__subclasses__():
        yield from family(child)
