"""When the first and the last frame of a streamed clip arrive.

    python benchmarks/stream.py                             a 30 s, 720p clip with one face

Beside it, the same clip answered whole. The clip is `panning_clip` of panning.py. Times are the
client's, from the call to the event as a value; the upload is in them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import asdict, dataclass, fields

from rich.console import Console
from rich.table import Table

from affect_client import AffectClient, RetryPolicy, StreamClip, StreamFrame, Timeouts
from panning import panning_clip
from served import add_arguments, machine, save, service

_console = Console()


@dataclass(frozen=True)
class Arrivals:
    """Seconds from sending the clip."""

    clip_s: float
    """The stream's first event."""
    first_frame_s: float
    last_frame_s: float
    end_s: float
    frames: int


def stream(client: AffectClient, clip: bytes) -> Arrivals:
    """Stream a clip and note when its events arrive."""
    frames: list[float] = []
    opened = 0.0
    started = time.perf_counter()
    with client.stream(clip) as events:
        for event in events:
            arrived = time.perf_counter() - started
            if isinstance(event, StreamClip):
                opened = arrived
            elif isinstance(event, StreamFrame):
                frames.append(arrived)
    end = time.perf_counter() - started
    return Arrivals(opened, frames[0], frames[-1], end, len(frames))


def whole(client: AffectClient, clip: bytes) -> float:
    """Seconds to the whole answer."""
    started = time.perf_counter()
    client.predict(clip)
    return time.perf_counter() - started


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_arguments(parser)
    parser.add_argument("--seconds", type=int, default=30, help="of clip, whole tens")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.seconds < 10 or arguments.seconds % 10:
        parser.error("--seconds must be 10, 20, 30, ...")
    about = machine()
    _console.print(about)
    clip = panning_clip(arguments.seconds)
    patient = Timeouts(read_s=600, stream_s=600)
    with (
        service(arguments) as url,
        AffectClient(base_url=url, retries=RetryPolicy(max_retries=0), timeouts=patient) as client,
    ):
        stream(client, panning_clip(10))
        runs = [stream(client, clip) for _ in range(arguments.runs)]
        wholes = [whole(client, clip) for _ in range(arguments.runs)]
    medians = {
        field.name: statistics.median(getattr(run, field.name) for run in runs)
        for field in fields(Arrivals)
    }
    table = Table(
        title=f"{arguments.seconds} s, 720p, {runs[0].frames} samples; "
        f"median of {arguments.runs} runs"
    )
    for column in ("arrives", "seconds after sending"):
        table.add_column(column, justify="right")
    for name, key in (
        ("clip", "clip_s"),
        ("first frame", "first_frame_s"),
        ("last frame", "last_frame_s"),
        ("end of the stream", "end_s"),
    ):
        table.add_row(name, f"{medians[key]:.2f}")
    table.add_row("the whole answer instead", f"{statistics.median(wholes):.2f}")
    _console.print(table)
    save(
        arguments,
        {
            "machine": about,
            "clip_s": arguments.seconds,
            "median": {**medians, "whole_answer_s": statistics.median(wholes)},
            "runs": [asdict(run) for run in runs],
            "whole_answers_s": wholes,
        },
    )


if __name__ == "__main__":
    main()
