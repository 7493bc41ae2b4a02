"""A recipe: everything that decides what comes out of training, in one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from affect_core.spec import ConvLSTMSpec, TemporalSpec
from affect_core.vgg import Depth
from affect_training.errors import TrainingError
from affect_training.networks.backbones import BackboneConfig
from affect_training.ratings.disk import replacing

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
"""Lightning's names: float32, or half precision in the convolutions alone."""


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OptimiserConfig(_Config):
    """How weights follow the gradient."""

    name: Literal["sgd", "adam", "rmsprop", "adamw"] = "adam"
    learning_rate: float = Field(default=1e-4, gt=0, description="The paper's.")
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup_steps: int = Field(default=0, ge=0, description="Linear, from nothing.")
    gradient_clip: float = Field(default=1.0, gt=0, description="Largest norm of the gradient.")


class LossConfig(_Config):
    """Weights of the mean squared error (paper) and of 1 - CCC, both over the whole batch."""

    mse: float = Field(default=1.0, ge=0)
    ccc: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _is_something(self) -> LossConfig:
        if self.mse + self.ccc == 0:
            raise ValueError("mse and ccc are both 0: nothing to learn from")
        return self


class AugmentConfig(_Config):
    """Random changes of the crops; one draw holds along a sequence."""

    rotation_degrees: float = Field(default=12.0, ge=0, le=180)
    shift: float = Field(default=0.06, ge=0, lt=0.5, description="In crop sides.")
    scale: float = Field(default=0.12, ge=0, lt=1, description="1 +- this.")
    mirror: bool = True
    light: float = Field(default=0.4, ge=0, lt=1, description="Brightness and contrast, 1 +- this.")
    gamma: float = Field(default=0.4, ge=0, lt=1, description="Exponent, e to the +- this.")
    colour: float = Field(default=0.4, ge=0, lt=1, description="Saturation, 1 +- this.")
    hue: float = Field(default=0.04, ge=0, le=0.5)
    gray: float = Field(default=0.15, ge=0, le=1, description="Share of items without colour.")
    blur: float = Field(default=0.3, ge=0, le=1, description="Share of items that are blurred.")
    coarse: float = Field(default=0.3, ge=0, le=1, description="Share scaled down and up again.")
    noise: float = Field(default=0.04, ge=0, le=0.5, description="Largest deviation; white is 1.")
    cut_out: float = Field(default=0.3, ge=0, le=1, description="Share with a patch missing.")


class _Stage(_Config):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    crop_size: int = Field(ge=32, le=512, description="Pixels; at most the prepared crops'.")
    batch_size: int = Field(ge=1, description="Items in all processes together.")
    steps_per_epoch: int = Field(ge=1)
    max_epochs: int = Field(ge=1)
    patience: int = Field(default=10, ge=1, description="Epochs without a better CCC.")
    optimiser: OptimiserConfig = OptimiserConfig()
    loss: LossConfig = LossConfig()
    augment: AugmentConfig | None = AugmentConfig()


class FramesStage(_Stage):
    """Single frames: the backbone with a linear layer over its pooled features."""

    kind: Literal["frames"] = "frames"
    depth: Depth | None = Field(
        default=None,
        description="Of a VGG with batch norm that grows from stage to stage; None: all of it.",
    )


class SequencesStage(_Stage):
    """Windows of tracks: the temporal model, over a frozen or a learning backbone."""

    kind: Literal["sequences"] = "sequences"
    steps: int = Field(default=16, ge=1, description="Longest window, in samples.")
    backbone: Literal["train", "frozen"] = "frozen"
    views: int = Field(
        default=4, ge=1, description="Frozen: augmented copies whose features are kept on disk."
    )


Stage = Annotated[FramesStage | SequencesStage, Field(discriminator="kind")]


class Recipe(_Config):
    """A training run. The last stage is of sequences, at the prepared crop size."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    seed: int = Field(default=20200921, ge=0, description="The day the paper came out.")
    backbone: BackboneConfig = BackboneConfig()
    temporal: TemporalSpec = ConvLSTMSpec()
    precision: Precision = "32-true"
    workers: int = Field(default=0, ge=0, description="Processes that load and augment crops.")
    stages: tuple[Stage, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _stages_fit_together(self) -> Recipe:
        names = [stage.name for stage in self.stages]
        if len(set(names)) != len(names):
            raise ValueError(f"stages share a name: {names}")
        if self.stages[-1].kind != "sequences":
            raise ValueError("the last stage must be of sequences: it trains the temporal model")
        # A temporal model is made for one size of feature map, and goes from stage to stage.
        sizes = {stage.crop_size for stage in self.stages if stage.kind == "sequences"}
        if len(sizes) > 1:
            raise ValueError(f"stages of sequences must share one crop_size: {sorted(sizes)}")
        return self

    @property
    def depths(self) -> tuple[Depth | None, ...]:
        """How deep a VGG is in each stage; None of another network."""
        return tuple(
            (stage.depth if isinstance(stage, FramesStage) else None) or self.backbone.depth
            for stage in self.stages
        )

    @model_validator(mode="after")
    def _backbone_grows(self) -> Recipe:
        grown = [s.name for s in self.stages if isinstance(s, FramesStage) and s.depth is not None]
        if grown and not self.backbone.batch_norm:
            raise ValueError(f"{grown[0]} has a depth: only a VGG with batch_norm grows")
        depths = [depth for depth in (*self.depths, self.backbone.depth) if depth is not None]
        if depths != sorted(depths):
            raise ValueError(f"from stage to stage the backbone may grow, not shrink: {depths}")
        return self


def read_recipe(path: Path) -> Recipe:
    """A recipe from YAML.

    Raises:
        TrainingError: the file is missing or is no recipe; names the field.
    """
    try:
        return Recipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise TrainingError(f"Recipe {path} cannot be read: {error.strerror}.") from error
    except (UnicodeError, yaml.YAMLError, ValidationError) as error:
        raise TrainingError(f"{path} is no recipe: {error}") from error


def write_recipe(recipe: Recipe, path: Path) -> None:
    """The recipe as YAML, every default written out."""
    text = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False)
    with replacing(path) as file:
        file.write(text.encode())
