"""Pictures of a camera or a recording, as a live session takes them. OpenCV comes when called."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from affect_client._optional import need
from affect_client.cli.endings import CommandError, Ending
from affect_client.uploads import Upload

_ON_TIME_S: Final = 0.0005
"""As in the service: a frame this much later counts as on time."""
_FIRST_PICTURE_S: Final = 10.0
_JPEG_QUALITY: Final = 95


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture, encoded."""

    time_s: float
    """Seconds since the first."""
    picture: bytes


def recorded(path: str, fps: float, *, paced: bool) -> Generator[Shot, None, None]:
    """The frames on screen at k / fps, without loss (PNG).

    Args:
        path: of the recording.
        fps: samples a second.
        paced: each when its time has come, from the first on.

    Raises:
        ClipFileError: there is no such file.
        CommandError: OpenCV cannot read it.
        ImportError: OpenCV is not installed (extra `camera`).
    """
    Upload.of(Path(path))
    cv2 = _opencv()
    capture = cv2.VideoCapture(path)
    began_s = time.monotonic()
    try:
        empty = True
        for time_s, image in sampled(_timed(cv2, capture), fps):
            if paced:
                time.sleep(max(0.0, began_s + time_s - time.monotonic()))
            yield Shot(time_s, _encoded(cv2, ".png", image))
            empty = False
        if empty:
            raise CommandError(f"OpenCV cannot read {path!r}.", Ending.REFUSED)
    finally:
        capture.release()


def sampled(frames: Iterable[tuple[float, Any]], fps: float) -> Iterator[tuple[float, Any]]:
    """Of frames with their times, those on screen at k / fps, for every k up to the last's time."""
    count = 0
    held: tuple[float, Any] | None = None
    for frame in frames:
        while held is not None and count / fps < frame[0] - _ON_TIME_S:
            yield count / fps, held[1]
            count += 1
        held = frame
    while held is not None and count / fps <= held[0] + _ON_TIME_S:
        yield count / fps, held[1]
        count += 1


def filmed(camera: str, fps: float) -> Generator[Shot, None, None]:
    """What a camera shows now, at most `fps` times a second (JPEG).

    Pictures that nobody took in time are left out: this never runs behind.

    Args:
        camera: its number, or a device or URL that OpenCV opens.
        fps: pictures a second.

    Raises:
        CommandError: there is no such camera, or it gives no more pictures.
        ImportError: OpenCV is not installed (extra `camera`).
    """
    cv2 = _opencv()
    capture = cv2.VideoCapture(int(camera) if camera.isdecimal() else camera)
    if not capture.isOpened():
        raise CommandError(
            f"OpenCV opens no camera {camera!r}. Name another with --camera, or a recording with "
            "--file.",
            Ending.REFUSED,
        )
    newest = _Newest(capture)
    try:
        first_s, due_s = None, time.monotonic()
        while True:
            time.sleep(max(0.0, due_s - time.monotonic()))
            taken_s, image = newest.take()
            first_s = taken_s if first_s is None else first_s
            due_s = max(due_s + 1 / fps, time.monotonic() - 1 / fps)
            yield Shot(taken_s - first_s, _encoded(cv2, ".jpg", image))
    finally:
        newest.stop()
        capture.release()


class _Newest:
    """Reads a camera without a pause: what it keeps for slow readers would be old.

    Args:
        capture: an open `cv2.VideoCapture`.
    """

    def __init__(self, capture: Any) -> None:
        self._capture = capture
        self._changed = threading.Condition()
        self._image: tuple[float, Any] | None = None
        self._gone = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, name="affect-camera", daemon=True)
        self._thread.start()

    def take(self) -> tuple[float, Any]:
        """The newest picture that was not taken yet, and when it was made; waits for one.

        Raises:
            CommandError: the camera gives none.
        """
        with self._changed:
            there = self._changed.wait_for(
                lambda: self._image is not None or self._gone, _FIRST_PICTURE_S
            )
            if self._image is None or not there:
                raise CommandError(
                    "The camera gives no more pictures: it may be in use elsewhere, or gone.",
                    Ending.REFUSED,
                )
            image, self._image = self._image, None
            return image

    def stop(self) -> None:
        """Read no more."""
        self._stopped.set()
        self._thread.join(_FIRST_PICTURE_S)

    def _read(self) -> None:
        while not self._stopped.is_set():
            done, image = self._capture.read()
            with self._changed:
                if done:
                    self._image = (time.monotonic(), image)
                else:
                    self._gone = True
                self._changed.notify_all()
            if not done:
                return


def _timed(cv2: Any, capture: Any) -> Iterator[tuple[float, Any]]:
    first_s: float | None = None
    while capture.grab():
        stamp_s = float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
        first_s = stamp_s if first_s is None else first_s
        done, image = capture.retrieve()
        if done:
            yield stamp_s - first_s, image


def _encoded(cv2: Any, suffix: str, image: Any) -> bytes:
    settings = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if suffix == ".jpg" else []
    done, data = cv2.imencode(suffix, image, settings)
    if not done:
        raise CommandError("OpenCV cannot encode a picture.", Ending.REFUSED)
    return bytes(data)


def _opencv() -> Any:
    # It says on standard error, in its own words, what we say in ours.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    return need("cv2", "camera", "affect live")
