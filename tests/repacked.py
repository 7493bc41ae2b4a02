"""Archives with other content, as an attacker or an accident would make them."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from affect_core.contents import CONTENTS_FILE, Contents
from affect_training.export import write_digests


def repack(
    archive: Path, changes: Mapping[str, bytes | None], *, sign: bool = True, enter: bool = True
) -> None:
    """Write an archive anew.

    Args:
        archive: in a model store.
        changes: files by name; None takes one away.
        sign: make its contents.json agree.
        enter: make the store's SHA256SUMS agree.
    """
    with zipfile.ZipFile(archive) as source:
        content = {name: source.read(name) for name in source.namelist()}
    for name, data in changes.items():
        content.pop(name, None)
        if data is not None:
            content[name] = data
    if sign:
        files = {
            name: hashlib.sha256(data).hexdigest()
            for name, data in content.items()
            if name != CONTENTS_FILE
        }
        content[CONTENTS_FILE] = Contents(files=files).text
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as target:
        for name, data in content.items():
            target.writestr(name, data)
    if enter:
        write_digests(archive.parent, sorted(path.name for path in archive.parent.glob("*.mar")))
