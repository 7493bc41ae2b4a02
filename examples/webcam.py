"""Arousal and valence of whoever sits before the camera, over the picture, live.

    affect-serve run                                        in another terminal
    pip install affectline opencv-python                    (not opencv-python-headless)
    python examples/webcam.py                               q or Escape ends it
    python examples/webcam.py --file clip.mp4               a recording instead of the camera
    python examples/webcam.py --file clip.mp4 --no-window   a line for each sample, on a server

The server gets five pictures a second and nothing else; between two answers the newest boxes stay.
A camera does not wait for the server, which misses pictures where it is slow. A recording does.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from affect_client import AffectClient, AffectError, Frame, LiveSession, UnknownSessionError

Image: TypeAlias = NDArray[np.uint8]
"""Height x width x 3, blue, green, red: OpenCV's."""

SAMPLES_PER_S = 5
"""The rate at which models are trained."""
MOST_WIDTH = 640
"""Wider pictures are scaled to it: faces are looked for in small ones, and less is sent."""
TITLE = "Affectline: q ends"
COLOUR = (80, 220, 120)
ESCAPE = 27


class ExampleError(Exception):
    """What the user can mend; the message says how."""


def pictures(source: int | str) -> Generator[tuple[float, Image], None, None]:
    """Every picture of a camera (its number) or a recording (its path), with its time in seconds.

    Raises:
        ExampleError: there is none.
    """
    capture = cv2.VideoCapture(source)
    begun = None
    try:
        while True:
            there, picture = capture.read()
            if not there:
                break
            begun = begun or time.monotonic()
            if isinstance(source, int):
                time_s = time.monotonic() - begun
            else:
                time_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            yield time_s, scaled(np.asarray(picture, np.uint8))
    finally:
        capture.release()
    if begun is None:
        what = f"camera {source}" if isinstance(source, int) else source
        raise ExampleError(f"OpenCV gets no picture from {what}. Is it there, and free?")


def scaled(picture: Image) -> Image:
    """The picture, at most `MOST_WIDTH` pixels wide."""
    height, width = picture.shape[:2]
    if width <= MOST_WIDTH:
        return picture
    size = (MOST_WIDTH, max(1, round(height * MOST_WIDTH / width)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def answers(
    session: LiveSession, taken: Iterator[tuple[float, Image]], *, wait: bool
) -> Generator[tuple[float, Image, Frame | None], None, None]:
    """Send what is due, one picture at a time; every picture, with an answer where one has come.

    Args:
        session: fresh.
        taken: pictures with their times in seconds.
        wait: for each answer, so that no sample is missed and the answer is its picture's.

    Raises:
        AffectError: one of its kinds.
    """
    sent: Future[Frame] | None = None
    due = 0  # the next sample
    with ThreadPoolExecutor(1) as sender:
        for time_s, picture in taken:
            # Recordings' times are rounded to milliseconds, some down.
            now = int((time_s + 0.001) * SAMPLES_PER_S)
            if sent is None and now >= due:
                sent = sender.submit(send, session, picture, time_s)
                due = now + 1
            if sent is not None and (wait or sent.done()):
                answer, sent = sent.result(), None
                yield time_s, picture, answer
            else:
                yield time_s, picture, None


def send(session: LiveSession, picture: Image, time_s: float) -> Frame:
    """The faces in one picture. As JPEG it is several times smaller than as the array it is."""
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return session.send(jpeg.tobytes(), time_s=time_s)


def drawn(picture: Image, frame: Frame) -> Image:
    """The picture with boxes, tracks, arousal and valence over it."""
    over = picture.copy()
    for face in frame.faces:
        box = face.box
        cv2.rectangle(over, (box.x, box.y), (box.x + box.width, box.y + box.height), COLOUR, 2)
        text = f"{face.track}: A {face.arousal:+.2f} V {face.valence:+.2f}"
        place = (box.x, max(12, box.y - 6))
        cv2.putText(over, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, COLOUR, 1, cv2.LINE_AA)
    return over


def told(frame: Frame) -> str:
    """A frame as a line of text."""
    faces = [f"{f.track}: A {f.arousal:+.4f} V {f.valence:+.4f}" for f in frame.faces]
    return f"{frame.time_s:8.3f} s  {'   '.join(faces) or 'no face'}"


def require_window() -> None:
    """Raise `ExampleError` where OpenCV can show nothing."""
    without = "Or run with --no-window, which prints a line for each sample."
    if re.search(r"GUI:\s+NONE", cv2.getBuildInformation()):
        raise ExampleError(
            "This OpenCV has no windows (cv2.imshow): it is opencv-python-headless, which "
            "affectline's extras serve and train bring. In an environment of its own: "
            f"pip install affectline opencv-python. {without}"
        )
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
        raise ExampleError(f"There is no screen: DISPLAY is not set. {without}")


def watch(client: AffectClient, source: int | str, *, window: bool) -> None:
    """Show, or print, until the recording or the user ends it.

    Raises:
        AffectError: one of its kinds.
        ExampleError: there is no window, or no picture.
    """
    if window:
        require_window()
    with closing(pictures(source)) as taken:
        while not follow(client, taken, wait=isinstance(source, str), window=window):
            # A laptop that slept: the server forgets who is silent for half a minute.
            print("The session had expired; another begins.", file=sys.stderr)


def follow(
    client: AffectClient, taken: Iterator[tuple[float, Image]], *, wait: bool, window: bool
) -> bool:
    """One live session; False where the server has forgotten it."""
    try:
        with (
            client.live(fps=SAMPLES_PER_S, faces="all") as session,
            closing(answers(session, taken, wait=wait)) as answered,
        ):
            show(answered, window=window)
    except UnknownSessionError:
        return False
    return True


def show(answered: Iterator[tuple[float, Image, Frame | None]], *, window: bool) -> None:
    """Pictures at their times with the newest answer over them; or a line for each answer."""
    begun, newest = time.monotonic(), None
    for time_s, picture, answer in answered:
        newest = answer or newest
        if window:
            cv2.imshow(TITLE, picture if newest is None else drawn(picture, newest))
            left_ms = int(1000 * (begun + time_s - time.monotonic()))
            if cv2.waitKey(max(1, left_ms)) & 0xFF in {ord("q"), ESCAPE}:
                return
        elif answer is not None:
            print(told(answer), flush=True)


def main() -> None:
    """Read the command line and watch."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--camera", type=int, default=0, metavar="N", help="OpenCV's number of it")
    parser.add_argument("--file", metavar="CLIP", help="a recording instead of a camera")
    parser.add_argument("--url", help="of the server; else AFFECT_BASE_URL, or this machine")
    parser.add_argument("--no-window", action="store_true", help="print lines instead")
    arguments = parser.parse_args()
    source = arguments.camera if arguments.file is None else arguments.file
    try:
        with AffectClient(base_url=arguments.url) as client:
            watch(client, source, window=not arguments.no_window)
    except KeyboardInterrupt:
        pass
    except (AffectError, ExampleError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
