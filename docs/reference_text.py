"""What the reference is made of: Markdown tables, types and ranges in words."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo


def one_line(text: str) -> str:
    """With single spaces."""
    return " ".join(text.split())


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """A Markdown table; nothing without rows."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    if not cells:
        return []
    names = list(head)
    lines = [f"| {' | '.join(row)} |" for row in (names, ["---"] * len(names), *cells)]
    return [*lines, ""]


def type_of(annotation: Any) -> str:
    """As it would be written, without its ranges and without modules."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_of(arguments[0])
    if origin is Literal:
        return " | ".join(map(repr, arguments))
    if origin in {Union, types.UnionType}:
        return " | ".join(map(type_of, arguments))
    if origin is not None:
        return f"{origin.__name__}[{', '.join(map(type_of, arguments))}]"
    return "None" if annotation is type(None) else str(annotation.__name__)


def range_of(field: FieldInfo) -> str:
    """The numbers or lengths that are allowed, as a sentence; empty where all are."""
    least = most = ""
    for limit in (*field.metadata, *_nested(field.annotation)):
        match limit:
            case annotated_types.Ge(ge=value):
                least = f"{value} or more"
            case annotated_types.Gt(gt=value):
                least = f"above {value}"
            case annotated_types.Le(le=value):
                most = f"up to {value}"
            case annotated_types.MaxLen(max_length=value):
                return f"Up to {value} entries."
    if least.endswith("or more") and most:
        return f"{least.removesuffix(' or more')} {most.removeprefix('up ')}."
    words = ", ".join(part for part in (least, most) if part)
    return words[:1].upper() + words[1:] + "." if words else ""


def _nested(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        for each in annotation.__metadata__:
            yield from each.metadata if isinstance(each, FieldInfo) else [each]
    for argument in get_args(annotation):
        yield from _nested(argument)
