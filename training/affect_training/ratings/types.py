"""Ratings in memory, whatever format they came in. Each value checks itself when built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Split = Literal["train", "validation", "test"]
SPLITS: Final[tuple[Split, ...]] = get_args(Split)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One annotator's ratings of one clip, over time.

    `time_s` float64 (n,): seconds from the clip's first frame, >= 0, strictly increasing, n >= 1.
    `arousal`, `valence` float64 (n,): in [-1, 1]; both NaN where the annotator did not rate.
    """

    annotator: str
    time_s: Floats
    arousal: Floats
    valence: Floats

    def __post_init__(self) -> None:
        if not self.annotator:
            raise ValueError("the annotator has no name")
        for name in ("time_s", "arousal", "valence"):
            values = getattr(self, name)
            if values.dtype != np.float64 or values.shape != (len(self.time_s),):
                raise ValueError(f"{name} is {values.dtype} {values.shape}, not float64 (n,)")
        times = self.time_s
        if len(times) == 0:
            raise ValueError("a trace holds at least one rating")
        if not (np.isfinite(times).all() and times[0] >= 0 and (np.diff(times) > 0).all()):
            raise ValueError("time_s does not increase strictly from 0 or later")
        if (np.isnan(self.arousal) != np.isnan(self.valence)).any():
            raise ValueError("one of arousal and valence is missing without the other")
        if (np.abs(self.arousal) > 1).any() or (np.abs(self.valence) > 1).any():
            raise ValueError("arousal or valence is outside [-1, 1]")


@dataclass(frozen=True, slots=True, eq=False)
class RatedClip:
    """A clip with the traces of everyone who rated it.

    `clip` is an absolute path; `split` is None where the manifest leaves it to us; `source` says
    where the clip is listed, for error messages ("labels.csv, line 12").
    """

    clip: Path
    subject: str
    split: Split | None
    traces: tuple[Trace, ...]
    source: str = ""

    def __post_init__(self) -> None:
        if not self.clip.is_absolute():
            raise ValueError(f"{self.clip} is not an absolute path")
        if not self.subject:
            raise ValueError(f"{self.clip} has no subject")
        if self.split is not None and self.split not in SPLITS:
            raise ValueError(f"split {self.split!r} is none of {', '.join(SPLITS)}")
        annotators = [trace.annotator for trace in self.traces]
        if not annotators or len(set(annotators)) != len(annotators):
            raise ValueError(f"{self.clip} needs one trace for each annotator: {annotators}")
