"""Writes what the documentation says of the client's names from the names themselves.

`make reference` writes docs/reference.md, the tables of docs/errors-and-retries.md and the OpenAPI
document docs/openapi.json. griffe reads the sources: unlike `inspect` it knows the docstrings under
attributes, signatures as they were written, and the docstrings' sections. Fields of the contract's
models come from pydantic, which knows their ranges.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeGuard

import griffe
from pydantic import BaseModel

import affect_client
from affect_client import (
    AffectError,
    ConnectionLostError,
    StatusError,
    UnexpectedAnswerError,
    openapi,
)
from error_tables import family, filled
from reference_text import one_line, range_of, table, type_of

DOCS: Final = Path(__file__).parent
REFERENCE: Final = DOCS / "reference.md"
ERRORS: Final = DOCS / "errors-and-retries.md"
OPENAPI: Final = DOCS / "openapi.json"
REPORT: Final = ("build_report", "report_parts", "write_report")
GROUPS: Final = {
    "Clients": "AffectClient AsyncAffectClient Timeouts RetryPolicy RetryEvent ClipSource OnUpload",
    "Results": "AffectResult Trace Row Prediction ModelInfo Clip Frame Face Box Track Statistics "
    "Timing PredictOptions",
    "Many clips": "ClipOutcome",
    "Streams": "EventStream AsyncEventStream StreamEvent StreamClip StreamFrame StreamSummary "
    "result_of",
    "Live sessions": "LiveSession AsyncLiveSession Picture LiveAnswer LiveOptions",
    "Reports": " ".join(REPORT),
    "What the server says of itself": "Health ServedModel Worker ModelDescription Detector "
    "ServerMetrics Sample",
    "Observing calls": "Observer CallEvent ClientMetrics",
    "Errors": "Problem BY_CODE BY_STATUS",
}
"""Names by section; all errors are added to the last one."""
HEAD: Final = """# Reference

Every public name of `affect_client`, from its docstring. Written by `make reference`; do not edit.
Pages by task: [README.md](README.md).
"""


def pages() -> dict[Path, str]:
    """Every page that is written, whole."""
    return {
        REFERENCE: reference(),
        ERRORS: filled(ERRORS.read_text(encoding="utf-8")),
        OPENAPI: openapi.text(),
    }


def load() -> griffe.Module:
    """The client's sources, read and not run."""
    sources = Path(affect_client.__file__).parents[1]
    loaded = griffe.load(
        "affect_client", search_paths=[sources], docstring_parser=griffe.Parser.google
    )
    if not isinstance(loaded, griffe.Module):
        raise TypeError("affect_client is no package")
    return loaded


def find(package: griffe.Module, name: str) -> griffe.Object:
    """What a public name stands for."""
    found = package[f"report.{name}" if name in REPORT else name]
    target = found.final_target if isinstance(found, griffe.Alias) else found
    if not isinstance(target, griffe.Object):
        raise TypeError(name)
    return target


def reference() -> str:
    """docs/reference.md."""
    package = load()
    lines = [HEAD]
    links = (f"[{group}](#{group.lower().replace(' ', '-')})" for group in GROUPS)
    lines += [" · ".join(links), ""]
    for group, names in GROUPS.items():
        lines += [f"## {group}", ""]
        for name in names.split():
            lines += entry(name, find(package, name))
    return "\n".join([*lines, *errors(package)]).rstrip() + "\n"


def entry(name: str, found: griffe.Object) -> Iterator[str]:
    """One name, with what belongs to it."""
    yield f"### {name}"
    yield ""
    if isinstance(found, griffe.Attribute):
        yield from (f"`{found.value}`", "") if "Alias" in str(found.annotation) else ()
        yield from told(found)
        return
    if isinstance(found, griffe.Function):
        yield from function(found)
        return
    model = getattr(affect_client, name)
    if isinstance(found, griffe.Class) and not is_model(model):
        init = found.members.get("__init__")
        if isinstance(init, griffe.Function) and not given(name, found):
            yield from signature(name, init)
    yield from told(found)
    yield from table(("name", "type", "meaning"), fields(name, found))
    for method in methods(found):
        yield f"#### {name}.{method.name}"
        yield ""
        yield from function(method)


def given(name: str, found: griffe.Class) -> bool:
    """Whether calls give it, or its table of fields says how it is made."""
    return "dataclass" in found.labels or "Stream" in name or "Session" in name


def methods(found: griffe.Object) -> list[griffe.Function]:
    """Public methods that a class itself defines."""
    members = (each for each in found.members.values() if not each.name.startswith("_"))
    return [each for each in members if isinstance(each, griffe.Function)]


def attributes(found: griffe.Object) -> list[griffe.Attribute]:
    """Public fields and properties that a class itself defines."""
    members = (each for each in found.members.values() if not each.name.startswith("_"))
    return [
        each
        for each in members
        if isinstance(each, griffe.Attribute) and each.name != "model_config"
    ]


def fields(name: str, found: griffe.Object) -> Iterator[tuple[str, str, str]]:
    """Name, type and meaning of every field and property."""
    model = getattr(affect_client, name)
    known = model.model_fields if is_model(model) else {}
    for key, field in known.items():
        default = "" if field.is_required() else f" Default {shown_default(field.default)}."
        meaning = f"{field.description} {range_of(field)}{default}"
        yield f"`{key}`", f"`{type_of(field.annotation)}`", one_line(meaning)
    for each in attributes(found):
        # An error's `advice` is in its table; what has no text here has one in the class's.
        if each.name not in known and each.docstring is not None:
            plain = each.value is not None and not str(each.value).startswith("field(")
            default = f" Default `{each.value}`." if plain else ""
            yield f"`{each.name}`", f"`{each.annotation}`", summary(each) + default


def shown_default(value: object) -> str:
    """As it is written in Python; pydantic's mark for a factory is an empty list here."""
    return "`[]`" if type(value).__name__ == "PydanticUndefinedType" else f"`{value!r}`"


def function(found: griffe.Function) -> Iterator[str]:
    """Signature and docstring."""
    yield from signature(found.name, found)
    yield from told(found)


def signature(name: str, found: griffe.Function) -> Iterator[str]:
    """As code, a line for each argument where they are many."""
    arguments = []
    starred = False
    for each in found.parameters:
        if each.name in {"self", "cls"}:
            continue
        if each.kind is griffe.ParameterKind.keyword_only and not starred:
            arguments.append("*")
            starred = True
        star = "**" if each.kind is griffe.ParameterKind.var_keyword else ""
        kind = f": {each.annotation}" if each.annotation else ""
        default = "" if star or each.default is None else f" = {each.default}"
        arguments.append(f"{star}{each.name}{kind}{default}")
    returns = f" -> {found.returns}" if found.returns and found.name != "__init__" else ""
    line = f"{name}({', '.join(arguments)}){returns}"
    if len(line) > 100:
        line = f"{name}(\n    " + ",\n    ".join(arguments) + f",\n){returns}"
    prefix = "async " if "async" in found.labels else ""
    yield from ("```", prefix + line, "```", "")


def told(found: griffe.Object) -> Iterator[str]:
    """A docstring's text and sections."""
    if found.docstring is None:
        raise ValueError(f"{found.path} has no docstring")
    for section in found.docstring.parsed:
        if isinstance(section, griffe.DocstringSectionText):
            yield from (section.value, "")
            continue
        for item in section.value:
            about = one_line(item.description)
            if isinstance(section, griffe.DocstringSectionRaises):
                yield f"- raises `{item.annotation}`: {about}"
            else:
                yield f"- `{item.name}`: {about}"
        yield ""


def summary(found: griffe.Object) -> str:
    """A docstring as one line; empty without one."""
    return "" if found.docstring is None else one_line(found.docstring.value)


def errors(package: griffe.Module) -> Iterator[str]:
    """All error classes, and what those carry that carry more than a sentence."""
    kinds = list(family(AffectError))
    found = {kind.__name__: find(package, kind.__name__) for kind in kinds}
    rows = ((kind.__name__, kind.__bases__, first_line(found[kind.__name__])) for kind in kinds)
    named = ((f"`{n}`", ", ".join(f"`{p.__name__}`" for p in ps), about) for n, ps, about in rows)
    yield from table(("class", "is a", "when"), named)
    for kind in (AffectError, ConnectionLostError, UnexpectedAnswerError, StatusError):
        yield from entry(kind.__name__, found[kind.__name__])


def first_line(found: griffe.Object) -> str:
    """A docstring's first paragraph as one line."""
    text = "" if found.docstring is None else found.docstring.value
    return one_line(text.partition("\n\n")[0])


def is_model(kind: object) -> TypeGuard[type[BaseModel]]:
    """Whether it is one of pydantic's."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
