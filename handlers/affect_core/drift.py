"""How a model's outputs spread over their ranges, in tenths: what drift is measured against.

The reference is counted at export over an evaluation's predictions, and travels in the archive.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from affect_core.errors import SpecError

REFERENCE_FILE: Final = "reference.json"

Output = Literal["arousal", "valence", "score"]
OUTPUTS: Final[tuple[Output, ...]] = ("arousal", "valence", "score")
_RANGES: Final[dict[Output, tuple[float, float]]] = {
    "arousal": (-1.0, 1.0),
    "valence": (-1.0, 1.0),
    "score": (0.0, 1.0),
}
_BIN_COUNT: Final = 10
BINS: Final = tuple(str(number) for number in range(_BIN_COUNT))


def bin_of(output: Output, value: float) -> int:
    """Which tenth of its range a value lies in, 0 to 9. A value on an edge is the upper one's."""
    low, high = _RANGES[output]
    place = int((value - low) / (high - low) * _BIN_COUNT)
    return min(max(place, 0), _BIN_COUNT - 1)


class OutputReference(BaseModel):
    """How often each bin of each output occurred."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="What answered.")
    source: str = Field(min_length=1, description="Whose faces, and how many samples.")
    counts: dict[Output, tuple[int, ...]]

    @model_validator(mode="after")
    def _is_complete(self) -> OutputReference:
        if set(self.counts) != set(OUTPUTS):
            raise ValueError(f"counts of {sorted(self.counts)}")
        for output, counts in self.counts.items():
            if len(counts) != _BIN_COUNT or min(counts) < 0 or sum(counts) == 0:
                raise ValueError(f"counts of {output}: {counts}")
        return self

    def shares(self, output: Output) -> tuple[float, ...]:
        """Of each bin; they add up to 1."""
        counts = self.counts[output]
        return tuple(count / sum(counts) for count in counts)


def read_reference(folder: Path, weights_sha256: str) -> OutputReference | None:
    """The reference beside a checkpoint; None where there is none.

    Raises:
        SpecError: it is damaged, or another checkpoint's.
    """
    path = folder / REFERENCE_FILE
    if not path.is_file():
        return None
    try:
        reference = OutputReference.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise SpecError(f"{path} is damaged; export the archive again. {error}") from error
    if reference.weights_sha256 != weights_sha256:
        raise SpecError(f"{path} was written for other weights. Export the archive again.")
    return reference
