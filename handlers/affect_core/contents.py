"""What an archive holds, by digest: `contents.json`, written at export and checked before use."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from affect_core.errors import SpecError

CONTENTS_FILE: Final = "contents.json"
DIGESTS_FILE: Final = "SHA256SUMS"
"""Beside the archives in a model store: theirs, as `sha256sum` writes them."""
CONFIG_FILE: Final = "model-config.yaml"
"""What TorchServe reads of an archive before a worker starts."""
HANDLER_MODULE: Final = "affect_handler"
"""What TorchServe runs of an archive, as a file of this name."""
_CACHE: Final = "__pycache__"
_AGAIN: Final = "Export the archive again."


class Contents(BaseModel):
    """SHA-256 (hex) of every file of an archive but this one, by its path in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: Mapping[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]]

    @classmethod
    def parse(cls, text: bytes, where: str) -> Contents:
        """From the file's text.

        Raises:
            SpecError: it is none.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise SpecError(f"{CONTENTS_FILE} of {where} is damaged. {_AGAIN}") from error

    @property
    def text(self) -> bytes:
        """As its file holds it; the same files give the same text."""
        ordered = Contents(files=dict(sorted(self.files.items())))
        return ordered.model_dump_json(indent=2).encode() + b"\n"

    def check(self, names: Iterable[str], read: Callable[[str], IO[bytes]], where: str) -> None:
        """Return where files are what they were at export, none is missing and none was added.

        Args:
            names: of all files that are there but `contents.json`.
            read: opens one of them.
            where: they are, for messages.

        Raises:
            SpecError: with the first file that differs.
        """
        there = set(names)
        for name in sorted(there | set(self.files)):
            if name not in there:
                raise SpecError(f"{name} is missing in {where}. {_AGAIN}")
            if name not in self.files:
                raise SpecError(f"{name} was added to {where} after the export. {_AGAIN}")
            with read(name) as file:
                digest = sha256_of_stream(file)
            if digest != self.files[name]:
                raise SpecError(
                    f"{name} in {where} is damaged, or was changed after the export: its SHA-256 "
                    f"is {digest}, and {CONTENTS_FILE} names {self.files[name]}. {_AGAIN}"
                )


def write_contents(folder: Path) -> None:
    """Write `contents.json` of all that is in `folder`."""
    files = {}
    for name in _names(folder):
        with (folder / name).open("rb") as file:
            files[name] = sha256_of_stream(file)
    (folder / CONTENTS_FILE).write_bytes(Contents(files=files).text)


def check_folder(folder: Path) -> None:
    """Return where an unpacked archive is what was exported.

    What Python compiled of the handler is left out.

    Raises:
        SpecError: it is not.
    """
    path = folder / CONTENTS_FILE
    try:
        text = path.read_bytes()
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}. {_AGAIN}") from error
    contents = Contents.parse(text, str(folder))
    contents.check(_names(folder), lambda name: (folder / name).open("rb"), str(folder))


def sha256_of_stream(file: IO[bytes]) -> str:
    """The SHA-256 of what is left of a file, in hex."""
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _names(folder: Path) -> list[str]:
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return [
        path.as_posix()
        for path in files
        if path.parts[0] != _CACHE and path.as_posix() != CONTENTS_FILE
    ]


def installed_handler() -> bytes:
    """The source of the handler that is installed here.

    Raises:
        SpecError: none is.
    """
    found = importlib.util.find_spec(HANDLER_MODULE)
    if found is None or found.origin is None:
        raise SpecError(f"{HANDLER_MODULE}.py is not installed; reinstall affectline.")
    return Path(found.origin).read_bytes()
