"""Makes the pictures of docs/report.md: `python tests/report_pictures.py docs/pictures`.

A call of two people whom `affect-train synth` rendered, answered by the real pipeline with the
weights that ship, its report in Debian's Chromium. Needs the extras `synth`, `serve` and `dev`.
With `--report FILE` the report itself is kept too.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from PIL import Image as Picture
from playwright.sync_api import Browser, sync_playwright

import clips
from affect_client import wire
from affect_client.report import write_report
from affect_core.checkpoint import load_checkpoint
from affect_core.engines import DeviceChoice
from affect_core.events import ClipDone, ClipJob, FrameDone
from affect_core.faces import choose_detector
from affect_core.limits import Limits
from affect_core.pipeline import AffectPipeline
from affect_core.runtime import Runtime
from affect_core.types import Sampling
from affect_serving.responses import summarise_tracks, to_clip, to_frame, to_timing
from affect_training.synth.clip import Studio
from affect_training.synth.config import SynthConfig
from report_pages import ReportPage
from shipped import SHIPPED

PEOPLE: Final = SynthConfig(people=5, clips_per_person=1, seconds=12.0, fps=10.0, size=360, seed=11)
LEFT: Final = 4
RIGHT: Final = 3
SEAT: Final = (360, 320)
"""Height and width in pixels of each person's half of the picture."""
JOINS_S: Final = 2.4
"""When the person on the right appears."""
DARK_S: Final = (6.0, 6.8)
"""When both cameras are covered; longer, and the tracks would end."""
MOMENT_S: Final = 4.8
"""Where the pictures stand."""
LARGEST_BYTES: Final = 300_000


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: its file, and the browser that is looked at."""

    file: str
    scheme: Literal["light", "dark"]
    width: int
    height: int


SHOTS: Final = (
    Shot("report-light.png", "light", 1280, 900),
    Shot("report-dark.png", "dark", 1280, 900),
    Shot("report-phone.png", "light", 375, 812),
)


def call(folder: Path) -> bytes:
    """Two people side by side; the right one comes later, and for a while both are dark."""
    studio = Studio(PEOPLE)
    folder.mkdir()
    for person in (LEFT, RIGHT):
        studio.render(person, 0, folder / f"{person}.mp4")
    left, right = (
        clips.decoded((folder / f"{person}.mp4").read_bytes()) for person in (LEFT, RIGHT)
    )
    frames = []
    for number, (one, other) in enumerate(zip(left, right, strict=True)):
        time_s = number / PEOPLE.fps
        covered = DARK_S[0] <= time_s < DARK_S[1]
        halves = [
            dark() if covered else seated(one),
            dark() if covered or time_s < JOINS_S else seated(other),
        ]
        frames.append(np.hstack(halves))
    return clips.encode(frames, fps=round(PEOPLE.fps))


def seated(image: clips.Image) -> clips.Image:
    """The middle of a frame, or the frame between two dark bars if it is narrow."""
    height, width = SEAT
    wanted = min(width, image.shape[1])
    start = (image.shape[1] - wanted) // 2
    half = dark()
    margin = (width - wanted) // 2
    half[:, margin : margin + wanted] = image[:height, start : start + wanted]
    return half


def dark() -> clips.Image:
    """A camera that is covered."""
    return np.full((*SEAT, 3), 24, np.uint8)


def answered(clip: bytes) -> wire.Prediction:
    """What the server would say about the clip."""
    checkpoint = load_checkpoint(SHIPPED)
    spec = checkpoint.spec
    sampling = Sampling(fps=5.0, faces="all")
    pipeline = AffectPipeline(
        Runtime(checkpoint, DeviceChoice.of(None)),
        choose_detector("libfacedetection").detect,
        spec.preprocess,
        Limits(),
    )
    try:
        events = list(pipeline.events([ClipJob(clip, sampling)]))
    finally:
        pipeline.close()
    (end,) = [event for event in events if isinstance(event, ClipDone)]
    frames = [to_frame(event.frame) for event in events if isinstance(event, FrameDone)]
    return wire.Prediction(
        model=wire.ModelInfo(
            name=spec.name,
            version=spec.version,
            architecture=spec.architecture.name,
            weights=f"sha256:{checkpoint.weights_sha256}",
            trained_on=spec.provenance.trained_on,
        ),
        clip=to_clip(end.clip),
        sample_fps=sampling.fps,
        frames=frames,
        tracks=summarise_tracks(frames),
        timing_s=to_timing(end.seconds),
    )


def take(browser: Browser, report: Path, shot: Shot) -> bytes:
    """A PNG of the report at `MOMENT_S`, from its top to the end of the traces."""
    page = browser.new_page(
        viewport={"width": shot.width, "height": shot.height}, color_scheme=shot.scheme
    )
    page.set_default_timeout(120_000)
    opened = ReportPage(page)
    opened.open(report)
    opened.evaluate("time => page.player.seek(time)", MOMENT_S)
    opened.wait_for_time(MOMENT_S)
    end = opened.box("#plot-key")
    height = end["y"] + end["height"] + 16
    picture = page.screenshot(
        full_page=True, clip={"x": 0, "y": 0, "width": shot.width, "height": height}
    )
    page.close()
    assert opened.complaints == []
    small = io.BytesIO()
    with Picture.open(io.BytesIO(picture)) as image:
        image.convert("RGB").save(small, "png", optimize=True)
    return small.getvalue()


def main() -> int:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--report", type=Path, help="where to keep the report")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        clip = call(folder / "people")
        prediction = answered(clip)
        report = arguments.report or folder / "report.html"
        write_report(report, prediction, clip, filename="call-of-two.mp4")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        for shot in SHOTS:
            picture = take(browser, report, shot)
            if len(picture) > LARGEST_BYTES:
                raise ValueError(f"{shot.file} has {len(picture)} bytes")
            (arguments.out / shot.file).write_bytes(picture)
            sys.stdout.write(f"{shot.file}: {len(picture)} bytes\n")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
