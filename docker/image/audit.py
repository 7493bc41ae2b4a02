"""Asks for known vulnerabilities of every package that constraints.txt pins. Needs pip-audit.

pip-audit skips what its database does not answer for, and calls that "no known vulnerabilities".
Here a package that was not looked up is named, and where none was, that is said instead. With
AUDIT_REQUIRED=1 it is a failure, as it should be wherever the database can be reached.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
LET_THROUGH: Final = ROOT / "docker" / "image" / "audit-let-through.txt"


def let_through(text: str) -> dict[str, str]:
    """Reason by id; a line each, `ID reason`."""
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line[:1] not in {"", "#"}]
    without = [line[0] for line in lines if len(line) < 2]
    if without:
        raise SystemExit(f"{LET_THROUGH.name}: without a reason: {', '.join(without)}")
    return {line[0]: line[1] for line in lines}


def ask(requirements: Path, ignored: Iterable[str]) -> list[dict[str, object]]:
    """pip-audit's list of packages; empty where it gave none."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    command += ["--no-deps", "--disable-pip", "--requirement", str(requirements)]
    for name in ignored:
        command += ["--ignore-vuln", name]
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, check=False, timeout=1800
    )
    try:
        return list(json.loads(done.stdout)["dependencies"])
    except ValueError:
        sys.stdout.write(f"pip-audit gave no answer.\n{done.stderr[-2000:]}\n")
        return []


def main() -> int:
    """0 where nothing is known, or nothing could be asked and needs not be."""
    reasons = let_through(LET_THROUGH.read_text(encoding="utf-8"))
    pinned = ROOT / "constraints.txt"
    with tempfile.TemporaryDirectory() as folder:
        # Where nobody answers, each package waits for its own failure: so one is asked for first.
        first = Path(folder) / "requirements.txt"
        names = [line for line in pinned.read_text().splitlines() if line.startswith("httpx==")]
        first.write_text("\n".join(names))
        packages = ask(first, reasons)
    if any("skip_reason" not in package for package in packages):
        packages = ask(pinned, reasons)
    return judge(packages, reasons, required=os.environ.get("AUDIT_REQUIRED") == "1")


def judge(packages: list[dict[str, object]], reasons: dict[str, str], *, required: bool) -> int:
    """Print what was found, of pip-audit's list of packages; 1 for a failure."""
    skipped = [str(package["name"]) for package in packages if "skip_reason" in package]
    found = [package for package in packages if package.get("vulns")]
    for package in found:
        sys.stdout.write(f"VULNERABLE {json.dumps(package)}\n")
    for name, reason in reasons.items():
        sys.stdout.write(f"let through: {name}: {reason}\n")
    asked = len(packages) - len(skipped)
    sys.stdout.write(f"asked for {asked} packages, {len(found)} with known vulnerabilities\n")
    if not asked:
        sys.stdout.write("NOT AUDITED: the database of vulnerabilities could not be asked.\n")
    elif skipped:
        sys.stdout.write(f"not looked up: {', '.join(skipped)}\n")
    return int(bool(found) or (required and not asked))


if __name__ == "__main__":
    sys.exit(main())
