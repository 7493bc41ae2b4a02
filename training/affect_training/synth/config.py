"""What a set of synthetic clips is made of. The same configuration gives the same set."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class SynthConfig(BaseModel):
    """A set: how many people, how many clips of each, how long, and the seed of it all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["synth-v3"] = "synth-v3"
    people: Annotated[int, Field(ge=1, le=100_000)] = 200
    clips_per_person: Annotated[int, Field(ge=1, le=1000)] = 2
    seconds: Annotated[float, Field(ge=0.4, le=600)] = Field(
        default=10.0, description="Length of each clip."
    )
    fps: Annotated[float, Field(ge=1, le=60)] = Field(
        default=5.0, description="Frames a second; motion is laid out in seconds, not in frames."
    )
    size: Annotated[int, Field(ge=96, le=1080, multiple_of=2)] = Field(
        default=256, description="Frame height in pixels; the width varies with the clip."
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    @property
    def clips(self) -> int:
        """Clips in the set."""
        return self.people * self.clips_per_person

    @property
    def frames_per_clip(self) -> int:
        """Frames in each clip, the first at 0 s."""
        return max(1, round(self.seconds * self.fps))

    def subject(self, person: int) -> str:
        """The person's name; it holds the seed, so that sets can be joined."""
        return f"synth{self.seed}-{person:05d}"

    def clip_name(self, person: int, clip: int) -> str:
        """The clip's name, unique in the set."""
        return f"{self.subject(person)}-{clip:03d}"
