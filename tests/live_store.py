"""A live archive with other settings, so that tests need not wait for half a minute."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

import yaml

LIVE_PLACES: Final = 12
LIVE_IDLE_MS: Final = 3000
_CONFIG: Final = "model-config.yaml"


def reconfigure(archive: Path, **settings: int) -> None:
    """Change entries of an archive's model-config.yaml."""
    with zipfile.ZipFile(archive) as source:
        content = {name: source.read(name) for name in source.namelist()}
    config = yaml.safe_load(content[_CONFIG])
    content[_CONFIG] = yaml.safe_dump({**config, **settings}).encode()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as target:
        for name, data in content.items():
            target.writestr(name, data)
