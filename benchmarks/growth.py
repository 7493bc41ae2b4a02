"""How the time grows with a clip's length, with faces, and with clients: straight lines, or not.

    python benchmarks/growth.py --json growth.json --figure docs/pictures/growth.png

Lengths and faces in this process, clients through TorchServe; 480p, the lowest precision that this
CPU has. Weights are seeded; their values change no time.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure
from rich.console import Console

from affect_serving.server import LocalServer
from ours import InProcess, exported, over_http, precisions
from panning import panning_clip
from served import machine, save

_SIZE: Final = "480p"
_LENGTHS_S: Final = (10, 30, 60, 120, 300, 600)
_FACES: Final = (1, 2, 3, 4)
_FACES_CLIP_S: Final = 30
_CLIENTS: Final = (1, 2, 4, 8, 16, 32)
_CLIENTS_CLIP_S: Final = 10
_PORT: Final = 19080
_console = Console()


@dataclass(frozen=True)
class Line:
    """Seconds at each of a few values of one thing."""

    of: str
    values: list[int]
    seconds: list[float]

    @property
    def each(self) -> list[float]:
        """Seconds for one of them, at each value: all the same where the line is straight."""
        return [taken / value for taken, value in zip(self.seconds, self.values, strict=True)]


def lengths(ours: InProcess) -> Line:
    """Seconds for one clip of so many seconds."""

    def one(length: int) -> float:
        clip = panning_clip(length, _SIZE)
        return _seconds(lambda: ours.run(clip))

    return _measured("seconds of clip", _LENGTHS_S, one)


def faces(ours: InProcess) -> Line:
    """Seconds for one clip with so many faces, all of them wanted."""

    def one(count: int) -> float:
        clip = panning_clip(_FACES_CLIP_S, _SIZE, count)
        return _seconds(lambda: ours.run(clip, "all"))

    return _measured("faces", _FACES, one)


def clients(store: Path) -> Line:
    """Seconds until the last of so many clients has its answer."""
    clip = panning_clip(_CLIENTS_CLIP_S, _SIZE)
    with LocalServer(store, _PORT) as server:
        over_http(server.inference_url, clip, 1)
        return _measured(
            "clients at once",
            _CLIENTS,
            lambda count: over_http(server.inference_url, clip, count).seconds,
        )


def _measured(of: str, values: Sequence[int], one: Callable[[int], float]) -> Line:
    seconds = []
    for value in values:
        seconds.append(one(value))
        _console.print(f"{value} {of}: {seconds[-1]:.1f} s")
    return Line(of, list(values), seconds)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def draw(lines: Sequence[Line], path: Path) -> None:
    """A plot beside each other for each line, with a straight one through 0."""
    figure = Figure(figsize=(3.6 * len(lines), 3.2), layout="constrained")
    for axis, line in zip(figure.subplots(1, len(lines)), lines, strict=True):
        slope = statistics.median(line.each)
        most = max(line.values)
        axis.plot([0, most], [0, slope * most], color="0.7", linewidth=1)
        axis.plot(line.values, line.seconds, "o", color="tab:blue")
        axis.set(xlabel=line.of, ylabel="seconds", xlim=(0, None), ylim=(0, None))
        title = f"{slope:.2g} s each ({min(line.each):.2g} to {max(line.each):.2g})"
        axis.set_title(title, fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure, print, draw and save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the results there, too")
    parser.add_argument("--figure", type=Path, default=Path("growth.png"))
    chosen = parser.parse_args()
    about = machine()
    precision = precisions()[-1]
    _console.print(about, precision)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        exported(folder)
        ours = InProcess(folder, precision)
        ours.run(panning_clip(10, _SIZE))
        lines = [lengths(ours), faces(ours)]
        ours.close()
        lines.append(clients(folder / precision))
    draw(lines, chosen.figure)
    results = {"machine": about, "precision": precision, "lines": [asdict(line) for line in lines]}
    save(chosen, results)


if __name__ == "__main__":
    main()
