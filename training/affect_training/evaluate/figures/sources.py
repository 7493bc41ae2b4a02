"""Labels to draw, out of a prepared set and out of a manifest with emotions."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from affect_training.dataset.prepared import PreparedSet
from affect_training.errors import DataError
from affect_training.evaluate.figures.labels import Labels
from affect_training.evaluate.predictions import DIMENSIONS

_EMOTION: Final = "emotion"


def gold_labels(prepared: PreparedSet) -> Labels:
    """The gold standard of every rated sample of a prepared set.

    Raises:
        DataError: no sample is rated.
    """
    rated = prepared.index[prepared.index[DIMENSIONS[0]].notna()]
    if rated.empty:
        raise DataError(f"No sample of {prepared.folder} is rated; there are no labels to draw.")
    info = prepared.info
    return Labels(
        rated[list(DIMENSIONS)].to_numpy(dtype=np.float64),
        None,
        f"gold standard ({info.gold}) of the rated samples of {Path(info.manifest).name}",
    )


def emotion_labels(manifest: Path) -> Labels | None:
    """A manifest's ratings with the emotions in its column `emotion`; None without that column.

    Raises:
        DataError: the manifest cannot be read, or a rating is not in [-1, 1].
    """
    wanted = (*DIMENSIONS, _EMOTION)
    try:
        table = (
            pd.read_parquet(manifest)
            if manifest.suffix.lower() == ".parquet"
            else pd.read_csv(manifest, usecols=lambda name: name in wanted)
        )
        if _EMOTION not in table or table[_EMOTION].isna().all():
            return None
        rated = table[table[DIMENSIONS[0]].notna()]
        return Labels(
            rated[list(DIMENSIONS)].to_numpy(dtype=np.float64),
            np.array(rated[_EMOTION].fillna("").astype(str).tolist(), dtype=np.str_),
            f"ratings of {manifest.name}; emotions as they were named there, for description",
        )
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise DataError(f"{manifest} cannot be read for its emotions: {error}") from error
