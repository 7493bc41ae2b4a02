"""Archives before TorchServe sees them: what is loaded is what was exported, and no code but ours.

An archive is data and one handler. The handler is code, and TorchServe runs it before anything in
it could object: so it must be the one that is installed here, and whatever else TorchServe would
run must not be there. The digests beside the archives tell of damage and mix-ups. Against somebody
who can write into the model store they help where they are kept elsewhere (`affect-serve run
--digests`).
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import yaml

from affect_core.contents import (
    CONFIG_FILE,
    CONTENTS_FILE,
    DIGESTS_FILE,
    HANDLER_MODULE,
    Contents,
    installed_handler,
    sha256_of_stream,
)
from affect_core.errors import SpecError
from affect_serving.processes import ServerError

_HANDLER: Final = f"{HANDLER_MODULE}.py"
_MANIFEST: Final = "MAR-INF/MANIFEST.json"
_KNOWN: Final = re.compile(
    rf"{HANDLER_MODULE}\.py|MAR-INF/MANIFEST\.json|{re.escape(CONFIG_FILE)}|MODEL_CARD\.md"
    r"|[A-Za-z0-9_-]+\.(json|safetensors)"
)
"""All that an archive may hold: nothing that Python, a shell or pip would run but the handler."""
_LINE: Final = re.compile(r"([0-9a-f]{64})[ ][ *](\S.*)")
_EXPORT: Final = "Write it with: affect-train export"


def check_archives(store: Path, names: Sequence[str], digests: Path | None = None) -> None:
    """Return where every archive is what was exported.

    Args:
        store: the model store.
        names: of the archives' files.
        digests: a file of SHA-256 digests as `sha256sum` writes it; the store's own by default.

    Raises:
        ServerError: with what is wrong and where.
    """
    known = _read(digests or store / DIGESTS_FILE)
    for name in names:
        _check(store / name, known)


def _check(path: Path, known: Mapping[str, str]) -> None:
    if path.name not in known:
        raise ServerError(f"There is no digest of {path}. {_EXPORT}")
    try:
        with path.open("rb") as file:
            digest = sha256_of_stream(file)
            if digest != known[path.name]:
                raise ServerError(
                    f"{path} is damaged, or is not the archive that was exported: its SHA-256 is "
                    f"{digest}, and {known[path.name]} was expected. {_EXPORT}"
                )
            file.seek(0)
            with zipfile.ZipFile(file) as archive:
                _check_contents(archive, path)
    except (OSError, zipfile.BadZipFile, SpecError) as error:
        raise ServerError(f"{path} is not served. {error}") from error


def _check_contents(archive: zipfile.ZipFile, path: Path) -> None:
    names = archive.namelist()
    strange = sorted(name for name in names if not _KNOWN.fullmatch(name))
    if strange or len(set(names)) < len(names):
        raise SpecError(f"It holds what no export writes: {strange or 'a file twice'}.")
    if CONTENTS_FILE not in names:
        raise SpecError(f"It holds no {CONTENTS_FILE}. {_EXPORT}")
    contents = Contents.parse(archive.read(CONTENTS_FILE), path.name)
    contents.check([name for name in names if name != CONTENTS_FILE], archive.open, path.name)
    if contents.files.get(_HANDLER) != hashlib.sha256(installed_handler()).hexdigest():
        raise SpecError(f"Its handler is not the one that is installed here. {_EXPORT}")
    # Another handler would be one of TorchServe's, and some of those unpickle weights.
    if _handler_of(archive) != _HANDLER:
        raise SpecError(f"{_MANIFEST} names another handler than {_HANDLER}. {_EXPORT}")
    # TorchServe 0.12.0 has a worker without work wait for some with a lock held that one at work
    # needs to go on (Model.pollInferJob): its clips would stand still until the next request.
    if _workers_of(archive) != (1, 1):
        raise SpecError(
            f"{CONFIG_FILE} must say minWorkers: 1 and maxWorkers: 1, since workers of one "
            "TorchServe make each other stand still. Run the service more than once instead."
        )


def _workers_of(archive: zipfile.ZipFile) -> tuple[object, object]:
    try:
        config = yaml.safe_load(archive.read(CONFIG_FILE))
        return config["minWorkers"], config["maxWorkers"]
    except (KeyError, TypeError, yaml.YAMLError) as error:
        raise SpecError(f"{CONFIG_FILE} is missing or damaged. {_EXPORT}") from error


def _handler_of(archive: zipfile.ZipFile) -> object:
    try:
        return json.loads(archive.read(_MANIFEST))["model"]["handler"]
    except (KeyError, TypeError, ValueError) as error:
        raise SpecError(f"{_MANIFEST} is missing or damaged. {_EXPORT}") from error


def _read(path: Path) -> dict[str, str]:
    """Digest by file name."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ServerError(f"{path} cannot be read: {error.strerror}. {_EXPORT}") from error
    except UnicodeDecodeError:
        lines = ["?"]
    found = [_LINE.fullmatch(line) for line in lines]
    if not all(found):
        raise ServerError(f"{path} is no list of SHA-256 digests. {_EXPORT}")
    return {line[2]: line[1] for line in found if line is not None}
