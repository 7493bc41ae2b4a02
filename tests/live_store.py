"""A live archive with other settings, so that tests need not wait for half a minute."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

import yaml

from affect_core.contents import CONFIG_FILE
from repacked import repack

LIVE_PLACES: Final = 12
LIVE_IDLE_MS: Final = 3000


def reconfigure(archive: Path, **settings: int) -> None:
    """Change entries of an archive's model-config.yaml."""
    with zipfile.ZipFile(archive) as source:
        config = yaml.safe_load(source.read(CONFIG_FILE))
    repack(archive, {CONFIG_FILE: yaml.safe_dump({**config, **settings}).encode()})
