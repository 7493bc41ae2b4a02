"""What a prepared set is: `prepare.json`, and the names of the files beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from affect_core.spec import PreprocessSpec
from affect_training.errors import DataError
from affect_training.ratings.gold import Gold

INFO_FILE: Final = "prepare.json"
LOCK_FILE: Final = "prepare.lock"
INDEX_FILE: Final = "index.parquet"
SHARDS_FOLDER: Final = "shards"


class PreparedInfo(BaseModel):
    """How a prepared set was made. The same manifest, clips and info give the same set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = 1
    manifest: str = Field(description="Absolute path; the clips' names are relative to its folder.")
    manifest_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    preprocess: PreprocessSpec
    jpeg_quality: int = Field(ge=1, le=100)
    gold: Gold
    rating_max_age_s: float = Field(gt=0, description="Seconds.")
    seed: int
    test_fraction: float = Field(gt=0, lt=1, description="Of the subjects.")
    validation_fraction: float = Field(gt=0, lt=1, description="Of the rest.")
    clips_per_shard: int = Field(ge=1)
    versions: dict[str, str] = Field(description="Of the libraries that made the crops.")


def read_info(folder: Path) -> PreparedInfo:
    """The `prepare.json` of a prepared set.

    Raises:
        DataError: it is missing, or not one that this version knows.
    """
    path = folder / INFO_FILE
    try:
        return PreparedInfo.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}): {folder} is no prepared set. "
            "Make one with affect-train prepare."
        ) from error
    except ValidationError as error:
        raise DataError(
            f"{path} is not what this version of affectline writes; prepare the clips again. "
            f"{error}"
        ) from error
