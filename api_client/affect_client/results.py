"""A whole answer, with what one does with it: traces, tables, files."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

from pydantic import ConfigDict

from affect_client import _tables
from affect_client._answers import Answer, parse
from affect_client._optional import need
from affect_client._tables import Row
from affect_client.errors import TrackError
from affect_client.wire import Face, Prediction

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Target: TypeAlias = "str | os.PathLike[str] | TextIO"
"""A file to write: its path, or a text file object."""


@dataclass(frozen=True, slots=True, repr=False)
class Trace:
    """Arousal and valence over time: three columns of the same length, one entry a sample.

    A sample without the face is NaN in both values; nothing is interpolated.
    """

    time_s: tuple[float, ...]
    """Seconds from the clip's first frame, increasing."""
    arousal: tuple[float, ...]
    """[-1, 1] (calm to excited), NaN without the face."""
    valence: tuple[float, ...]
    """[-1, 1] (unpleasant to pleasant), NaN without the face."""
    track: int | None = None
    """The person; None where it is whoever the answer shows."""

    def __post_init__(self) -> None:
        if not len(self.time_s) == len(self.arousal) == len(self.valence):
            raise ValueError(
                f"columns of {len(self.time_s)}, {len(self.arousal)} and {len(self.valence)} rows"
            )

    def __len__(self) -> int:
        return len(self.time_s)

    def __repr__(self) -> str:
        seen = sum(not math.isnan(value) for value in self.arousal)
        span = f", {self.time_s[0]:g} to {self.time_s[-1]:g} s" if self.time_s else ""
        who = "" if self.track is None else f"track={self.track}, "
        return f"Trace({who}{len(self)} samples{span}, {seen} with a face)"

    def to_numpy(self) -> NDArray[np.float64]:
        """Time, arousal and valence as the rows of an array of shape (3, len(self)), float64.

        Raises:
            ImportError: numpy is not installed (extra `data`).
        """
        numpy = need("numpy", "data", "Trace.to_numpy")
        array: NDArray[np.float64] = numpy.array(
            [self.time_s, self.arousal, self.valence], dtype=numpy.float64
        )
        return array


class AffectResult(Prediction):
    """The answer for one clip.

    Every sampled frame is in `frames`, those without a face with an empty list. Times are
    seconds from the clip's first frame, boxes pixels of the upright frame, arousal and valence
    in [-1, 1]. What the numbers rest on is in `model.trained_on`.
    """

    # Built when first used: importing the package is not held up.
    model_config = ConfigDict(defer_build=True)

    def trace(self, track: int | None = None) -> Trace:
        """Arousal and valence over time, one entry for each of `frames`.

        Args:
            track: one person's id. None: the face in each frame, whose track may change; it is
                what `faces="primary"` was asked for.

        Raises:
            TrackError: there is no such track; or None, and a frame has several faces.
        """
        if track is not None and track not in self._track_ids():
            raise TrackError(f"There is no track {track}; there are {self._track_ids()}.")
        chosen = [self._face_of(frame.faces, track) for frame in self.frames]
        return Trace(
            time_s=tuple(frame.time_s for frame in self.frames),
            arousal=tuple(math.nan if face is None else face.arousal for face in chosen),
            valence=tuple(math.nan if face is None else face.valence for face in chosen),
            track=track,
        )

    def traces(self) -> dict[int, Trace]:
        """The trace of every track, by its id."""
        return {track: self.trace(track) for track in self._track_ids()}

    def rows(self) -> Iterator[Row]:
        """A flat table: one row for each face of each frame, in order.

        A frame without a face has one row with its `index` and `time_s` alone.
        """
        return _tables.rows(self.frames)

    def to_pandas(self) -> pd.DataFrame:
        """`rows` as a table; what is missing is NaN, or NA in integer columns.

        `attrs["affectline"]` holds the model, the clip and the sample rate.

        Raises:
            ImportError: pandas is not installed (extra `data`).
        """
        frame: pd.DataFrame = _tables.to_pandas(self.frames, self._origin())
        return frame

    def to_csv(self, target: Target) -> None:
        """Write `rows` with a header line; what is missing is empty.

        Raises:
            OSError: the file cannot be written.
        """
        if isinstance(target, str | os.PathLike):
            with Path(target).open("w", newline="", encoding="utf-8") as file:
                _tables.write_csv(self.frames, file)
        else:
            _tables.write_csv(self.frames, target)

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write `rows` with nulls for what is missing.

        The schema's metadata holds, under `affectline`, the model, the clip and the sample rate.

        Raises:
            ImportError: pyarrow is not installed (extra `data`).
            OSError: the file cannot be written.
        """
        _tables.write_parquet(self.frames, self._origin(), Path(path))

    def to_json(self, target: Target) -> None:
        """Write the whole answer as the server gave it, fields that are not known excepted.

        Raises:
            OSError: the file cannot be written.
        """
        text = self.model_dump_json() + "\n"
        if isinstance(target, str | os.PathLike):
            Path(target).write_text(text, encoding="utf-8")
        else:
            target.write(text)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """What `repr` shows: thousands of frames would be no help."""
        yield "duration_s", self.clip.duration_s
        yield "sample_fps", self.sample_fps
        yield "frames", len(self.frames)
        yield "with_face", sum(bool(frame.faces) for frame in self.frames)
        for track in self.tracks:
            means = f"arousal {track.arousal.mean:+.3f}, valence {track.valence.mean:+.3f}"
            yield f"track_{track.track}", f"{track.start_s:g} to {track.end_s:g} s, mean {means}"
        yield "model", f"{self.model.name} {self.model.version}"
        yield "trained_on", self.model.trained_on

    def _track_ids(self) -> list[int]:
        return [track.track for track in self.tracks]

    def _face_of(self, faces: Sequence[Face], track: int | None) -> Face | None:
        if track is not None:
            return next((face for face in faces if face.track == track), None)
        if len(faces) > 1:
            raise TrackError(
                f"Several faces at once, of the tracks {self._track_ids()}: name one, "
                "trace(track), or take traces()."
            )
        return faces[0] if faces else None

    def _origin(self) -> dict[str, Any]:
        return self.model_dump(mode="json", include={"model", "clip", "sample_fps"})


def parse_result(answer: Answer) -> AffectResult:
    """The whole answer of `predict`."""
    return parse(AffectResult, answer, {"model", "frames"})
