"""Samples of all shards and the manifest's ratings -> the index: a row for every sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from affect_training.ratings.gold import Gold, Weights, ewe_weights, gold_standard
from affect_training.ratings.join import join_all
from affect_training.ratings.types import Floats, RatedClip, Split

COLUMNS: Final = (
    "clip",
    "subject",
    "split",
    "sample",
    "time_s",
    "arousal",
    "valence",
    "annotators",
    "track",
    "score",
    "box_x",
    "box_y",
    "box_width",
    "box_height",
    "shard",
    "offset",
    "size",
)

INTEGER_COLUMNS: Final = ("track", "offset", "size")
"""Null where no face was found: pandas' Int64."""


@dataclass(frozen=True, slots=True, eq=False)
class SampleRatings:
    """Every annotator's ratings at every sample, NaN where not rated.

    `arousal`, `valence` float64 (samples, annotators), columns named by `annotators`.
    """

    annotators: tuple[str, ...]
    arousal: Floats
    valence: Floats

    def __post_init__(self) -> None:
        width = len(self.annotators)
        if self.arousal.shape != self.valence.shape or self.arousal.shape[1:] != (width,):
            raise ValueError(f"shapes {self.arousal.shape}, {self.valence.shape}; {width} names")


def join_samples(
    samples: pd.DataFrame, clips: Mapping[str, RatedClip], max_age_s: float
) -> SampleRatings:
    """Join each clip's traces to its samples.

    Args:
        samples: `clip` and `time_s`, a row for every sample.
        clips: by the names that `samples` has.
        max_age_s: as `ratings.join.join`.
    """
    names = tuple(sorted({trace.annotator for clip in clips.values() for trace in clip.traces}))
    column = {name: place for place, name in enumerate(names)}
    arousal = np.full((len(samples), len(names)), np.nan)
    valence = arousal.copy()
    times = samples["time_s"].to_numpy(dtype=np.float64)
    for name, places in samples.groupby("clip", sort=False).indices.items():
        traces = clips[str(name)].traces
        at = np.ix_(places, [column[trace.annotator] for trace in traces])
        arousal[at], valence[at] = join_all(traces, times[places], max_age_s)
    return SampleRatings(names, arousal, valence)


def annotator_weights(ratings: SampleRatings, gold: Gold) -> dict[str, Weights]:
    """What each annotator counts in the gold standard."""
    if gold == "mean":
        return {name: Weights(1.0, 1.0) for name in ratings.annotators}
    pairs = zip(
        ratings.annotators,
        ewe_weights(ratings.arousal),
        ewe_weights(ratings.valence),
        strict=True,
    )
    return {name: Weights(float(a), float(v)) for name, a, v in pairs}


def build_index(
    samples: pd.DataFrame,
    clips: Mapping[str, RatedClip],
    splits: Mapping[str, Split],
    ratings: SampleRatings,
    weights: Mapping[str, Weights],
) -> pd.DataFrame:
    """The index, `COLUMNS`, in the order of `samples`."""
    arousal, valence = gold_standard(ratings.arousal, ratings.valence, ratings.annotators, weights)
    index = samples.copy()
    index["subject"] = index["clip"].map({name: clip.subject for name, clip in clips.items()})
    index["split"] = index["subject"].map(dict(splits))
    index["arousal"], index["valence"] = arousal, valence
    index["annotators"] = (~np.isnan(ratings.arousal)).sum(axis=1).astype(np.int64)
    return _typed(index[list(COLUMNS)])


def concat_samples(shards: Sequence[pa.Table]) -> pd.DataFrame:
    """The rows of all shards, in their order."""
    return _typed(pa.concat_tables(shards).to_pandas())


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(dict.fromkeys(INTEGER_COLUMNS, "Int64"))
