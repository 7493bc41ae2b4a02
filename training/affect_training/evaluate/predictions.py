"""What a model said about one split, sample by sample, and the Parquet file that keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from affect_core.temporal import AROUSAL, VALENCE
from affect_training.errors import DataError
from affect_training.ratings.disk import replacing
from affect_training.ratings.types import SPLITS, Floats, Split

Texts = NDArray[np.str_]

DIMENSIONS: Final = ("valence", "arousal")
"""The columns of every (n, 2) array here, in the order of the model's outputs."""
NO_TRACK: Final = -1

_SOURCE_KEY: Final = b"affectline"
_SCHEMA: Final = pa.schema(
    [
        ("clip", pa.string()),
        ("subject", pa.string()),
        ("split", pa.string()),
        ("sample", pa.int64()),
        ("time_s", pa.float64()),
        ("arousal", pa.float64()),
        ("valence", pa.float64()),
        ("arousal_gold", pa.float64()),
        ("valence_gold", pa.float64()),
        ("track", pa.int64()),
        ("score", pa.float64()),
    ]
)


class PredictionSource(BaseModel):
    """Which weights answered, and about which ratings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str = Field(min_length=1, description="For example `vgg19-convlstm`.")
    weights_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    trained_on: str = Field(min_length=1, description="As the checkpoint says it.")
    output_smoothing_s: float = Field(ge=0, description="The spec's low-pass; 0 is none.")
    sample_fps: float = Field(gt=0)
    manifest: str = Field(min_length=1, description="The ratings' file, as it was prepared.")
    manifest_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    gold: str = Field(min_length=1, description="How annotators were made one.")
    versions: dict[str, str] = Field(default_factory=dict, description="Of what computed it.")


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Every sample of every clip of one split; a clip's rows are together and in order.

    `clip`, `subject` str (n,): n >= 1; a clip has one subject.
    `sample` int64 (n,), `time_s` float64 (n,): both increase strictly within a clip.
    `predicted` float64 (n, 2): valence and arousal in [-1, 1]; NaN without a face.
    `gold` float64 (n, 2): likewise; NaN where nobody rated.
    `track` int64 (n,): `NO_TRACK` without a face. `score` float64 (n,): the detector's, in
    [0, 1]; NaN without a face.
    """

    source: PredictionSource
    split: Split
    clip: Texts
    subject: Texts
    sample: NDArray[np.int64]
    time_s: Floats
    predicted: Floats
    gold: Floats
    track: NDArray[np.int64]
    score: Floats

    def __post_init__(self) -> None:
        rows = len(self.clip)
        if rows == 0:
            raise ValueError("no samples")
        if self.split not in SPLITS:
            raise ValueError(f"split {self.split!r} is not one of {', '.join(SPLITS)}")
        for name, kind, shape in _LAYOUT:
            values = getattr(self, name)
            if values.dtype.kind != kind or values.shape != (rows, *shape):
                raise ValueError(f"{name} is {values.dtype} {values.shape} for {rows} rows")
        for name in ("predicted", "gold"):
            check_pairs(name, getattr(self, name))
        faceless = np.isnan(self.predicted[:, VALENCE])
        if (faceless != (self.track == NO_TRACK)).any() or (self.track < NO_TRACK).any():
            raise ValueError("a row has a track without values, or values without a track")
        if (faceless != np.isnan(self.score)).any():
            raise ValueError("a row has a score without values, or values without a score")
        if ((self.score < 0) | (self.score > 1)).any():
            raise ValueError("a score is outside [0, 1]")
        self._check_order()

    def _check_order(self) -> None:
        same = self.clip[1:] == self.clip[:-1]
        if len(np.unique(self.clip)) != np.count_nonzero(~same) + 1:
            raise ValueError("a clip's rows are not together")
        if (self.subject[1:] != self.subject[:-1])[same].any():
            raise ValueError("a clip has two subjects")
        if not np.isfinite(self.time_s).all():
            raise ValueError("a time is not finite")
        for name in ("sample", "time_s"):
            if (np.diff(getattr(self, name)) <= 0)[same].any():
                raise ValueError(f"{name} does not increase within a clip")

    @property
    def has_face(self) -> NDArray[np.bool_]:
        """(n,): the model answered."""
        return ~np.isnan(self.predicted[:, VALENCE])

    @property
    def rated(self) -> NDArray[np.bool_]:
        """(n,): somebody rated."""
        return ~np.isnan(self.gold[:, VALENCE])

    @property
    def scored(self) -> NDArray[np.bool_]:
        """(n,): rated and answered, so that it counts in the metrics."""
        return self.has_face & self.rated


_LAYOUT: Final = (
    ("clip", "U", ()),
    ("subject", "U", ()),
    ("sample", "i", ()),
    ("time_s", "f", ()),
    ("predicted", "f", (2,)),
    ("gold", "f", (2,)),
    ("track", "i", ()),
    ("score", "f", ()),
)


def check_pairs(name: str, values: Floats) -> None:
    """Raise `ValueError` unless rows are both in [-1, 1] or both NaN."""
    if (np.isnan(values[:, VALENCE]) != np.isnan(values[:, AROUSAL])).any():
        raise ValueError(f"{name}: one of valence and arousal is missing without the other")
    if (np.abs(values) > 1).any():
        raise ValueError(f"{name}: a value is outside [-1, 1]")


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write the file in one step: it is whole or not there. Missing values are null."""
    one = predictions
    columns = {
        "clip": one.clip,
        "subject": one.subject,
        "split": np.full(len(one.clip), one.split),
        "sample": one.sample,
        "time_s": one.time_s,
        "arousal": _nullable(one.predicted[:, AROUSAL]),
        "valence": _nullable(one.predicted[:, VALENCE]),
        "arousal_gold": _nullable(one.gold[:, AROUSAL]),
        "valence_gold": _nullable(one.gold[:, VALENCE]),
        "track": pa.array(one.track, mask=one.track == NO_TRACK),
        "score": _nullable(one.score),
    }
    schema = _SCHEMA.with_metadata({_SOURCE_KEY: one.source.model_dump_json().encode()})
    with replacing(path) as file:
        pq.write_table(pa.table(columns, schema=schema), file)


def read_predictions(path: Path) -> Predictions:
    """Read what `write_predictions` wrote.

    Raises:
        DataError: the file cannot be read, or is not a predictions file of one split.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read as Parquet: {error}") from error
    metadata = table.schema.metadata or {}
    if not table.schema.equals(_SCHEMA) or _SOURCE_KEY not in metadata:
        raise DataError(f"{path} is not a predictions file; write it with affect-train evaluate.")
    splits = table["split"].unique().to_pylist()
    if len(splits) != 1:
        raise DataError(f"{path} holds {len(splits)} splits, not one; evaluate again.")
    columns = {name: _floats(table, name) for name in _SCHEMA.names if name not in _OTHER}
    try:
        return Predictions(
            source=PredictionSource.model_validate_json(metadata[_SOURCE_KEY]),
            split=splits[0],
            clip=np.array(table["clip"].to_pylist(), dtype=np.str_),
            subject=np.array(table["subject"].to_pylist(), dtype=np.str_),
            sample=table["sample"].to_numpy(),
            time_s=columns["time_s"],
            predicted=np.column_stack([columns[name] for name in DIMENSIONS]),
            gold=np.column_stack([columns[f"{name}_gold"] for name in DIMENSIONS]),
            track=table["track"].fill_null(NO_TRACK).to_numpy(),
            score=columns["score"],
        )
    except (ValueError, ValidationError) as error:
        raise DataError(f"{path} is damaged: {error}; evaluate again.") from error


_OTHER: Final = {"clip", "subject", "split", "sample", "track"}


def _floats(table: pa.Table, name: str) -> Floats:
    """A column as float64 with NaN for null."""
    return np.asarray(table[name].to_numpy(), dtype=np.float64)


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))
