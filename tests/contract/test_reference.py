"""docs/reference.md and the tables of errors are what the sources say; the sources say enough."""

from __future__ import annotations

import re
from pathlib import Path

import griffe
import pytest

import affect_client
import error_tables
import make_reference
from affect_client import AffectError
from affect_client.settings import API_KEY_VARIABLE, BASE_URL_VARIABLE, Timeouts
from affect_client.wire import PROBLEMS
from make_reference import GROUPS, attributes, find, is_model, load, methods

ROOT = Path(__file__).parents[2]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
PACKAGE = load()


@pytest.mark.parametrize("path", make_reference.pages(), ids=lambda path: path.name)
def test_pages_are_as_make_reference_writes_them(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == make_reference.pages()[path], "make reference"


def test_every_public_name_is_in_it_once() -> None:
    grouped = " ".join(GROUPS.values()).split()
    errors = [kind.__name__ for kind in error_tables.family(AffectError)]
    named = [name for name in grouped if name not in make_reference.REPORT] + errors
    assert sorted(named) == sorted(affect_client.__all__)


@pytest.mark.parametrize("name", sorted(affect_client.__all__))
def test_every_name_method_and_field_has_a_docstring(name: str) -> None:
    found = find(PACKAGE, name)
    assert found.docstring is not None
    kind = getattr(affect_client, name)
    described = set(re.findall(r"^    (\w+): ", found.docstring.value, re.MULTILINE))
    if is_model(kind):
        bare = {key for key, field in kind.model_fields.items() if not field.description}
        assert bare == set()
        described |= set(kind.model_fields)
    if isinstance(kind, type) and issubclass(kind, AffectError):
        assert kind.advice or kind.__subclasses__() or kind is AffectError
        # Named where they are introduced: in the docstrings of the classes above.
        described |= {"advice", "status", "code", "begun"}
    assert [each.name for each in attributes(found) if not documented(each, described)] == []
    assert [each.name for each in methods(found) if each.docstring is None] == []


def documented(found: griffe.Attribute, described: set[str]) -> bool:
    return found.docstring is not None or found.name in described


def test_every_problem_code_is_in_the_table_with_its_class() -> None:
    page = make_reference.ERRORS.read_text(encoding="utf-8")
    for code, (status, _) in PROBLEMS.items():
        kind = affect_client.BY_CODE[code]
        assert kind.status == status
        row = rf"^\| `{code}` \| {status} \| `{kind.__name__}` \| (yes|no) \| .+ \|$"
        assert re.search(row, page, re.MULTILINE)


def test_all_arguments_variables_and_waits_are_in_the_configuration() -> None:
    arguments = find(PACKAGE, "AffectClient").members["__init__"]
    assert isinstance(arguments, griffe.Function)
    for each in arguments.parameters:
        assert each.name == "self" or f"\n| `{each.name}` |" in CONFIGURATION
    for variable in (BASE_URL_VARIABLE, API_KEY_VARIABLE):
        assert f"`{variable}`" in CONFIGURATION
    for wait, default in ((name, getattr(Timeouts(), name)) for name in Timeouts.__slots__):
        assert f"\n| `{wait}` | {default:g} |" in CONFIGURATION
