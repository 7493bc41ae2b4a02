"""Prints what `affectline[serve]` and the probe need, a layer that outlives changes of ours."""

from __future__ import annotations

import sys
from pathlib import Path

import tomllib


def main() -> None:
    """One requirement a line, our own extras replaced by what they hold."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["core"], *extras["serve"]]
    lines += [*extras["cli"], *extras["metrics"]]
    sys.stdout.writelines(f"{line}\n" for line in lines if not line.startswith(project["name"]))


if __name__ == "__main__":
    main()
