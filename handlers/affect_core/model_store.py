"""The lines of TorchServe's config.properties that name the model store's folder.

Export writes them, and the service again before each start: a container mounts the folder where
it likes, and people move it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_HEAP: Final = "-Xms256m -XX:+AlwaysPreTouch"
"""Java's memory is what it will be from the start, rather than growing for hours to a share of the
machine's. Larger uploads still get more (`MaxRAMPercentage`, a quarter)."""


def relocated(text: str, store: Path) -> str:
    """The text of a `config.properties` with the four lines that name the model store.

    Args:
        text: for whatever folder, or for none yet.
        store: where it lies now, absolute.
    """
    lines = {
        "model_store": str(store),
        "allowed_urls": f"file://{re.escape(str(store))}/.*",
        # TorchServe splits the JVM's arguments at blanks; a URL has none.
        "vmargs": f"-Dlog4j.configurationFile={(store / 'log4j2.xml').as_uri()} {_HEAP}",
        "metrics_config": str(store / "metrics.yaml"),
    }
    written = []
    for line in text.splitlines():
        name = line.partition("=")[0]
        written.append(f"{name}={_escaped(lines[name])}" if name in lines else line)
    return "\n".join([*written, ""])


def _escaped(text: str) -> str:
    """As java.util.Properties reads it: backslashes doubled, all beyond ASCII escaped."""
    utf16 = text.replace("\\", "\\\\").encode("utf-16-be")
    units = (int.from_bytes(utf16[i : i + 2], "big") for i in range(0, len(utf16), 2))
    return "".join(chr(unit) if unit < 128 else f"\\u{unit:04x}" for unit in units)
