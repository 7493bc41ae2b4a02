"""What a model is: how frames become crops, its layers, and what it learned from.

The spec travels inside the checkpoint and the archive. Training and serving read the same
one, and a server refuses a spec it does not know in full.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

FORMAT_VERSION: Final = 1

DetectorName = Literal["libfacedetection", "haar", "yunet"]


Width = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Scale = Annotated[float, Field(gt=0, le=1)]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PreprocessSpec(_Spec):
    """From frames to crops."""

    sample_fps: float = Field(default=5.0, gt=0, le=30, description="The rate trained at.")
    detector: DetectorName = "libfacedetection"
    detector_long_side: int = Field(
        default=320, ge=32, le=960, description="Pixels; larger frames are scaled down to it."
    )
    detector_min_score: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Between turned heads (0.53 and up) and things (0.4 and below) as measured.",
    )
    track_min_iou: float = Field(
        default=0.2, gt=0, le=1, description="Overlap that keeps a face on its track."
    )
    track_max_gap_s: float = Field(
        default=1.0, ge=0, description="A track unseen for longer has ended."
    )
    box_smoothing_s: float = Field(
        default=0.1, ge=0, description="Time constant of the box's causal low-pass."
    )
    crop_margin: float = Field(
        default=0.15, ge=0, le=1, description="Added on each side, in longer box sides."
    )
    crop_size: int = Field(default=224, ge=32, le=512, description="Side in pixels.")
    mean: tuple[Fraction, Fraction, Fraction] = (0.485, 0.456, 0.406)
    """RGB of ImageNet in [0, 1]; He et al. and torchvision's published VGG19 use it."""
    std: tuple[Scale, Scale, Scale] = (0.229, 0.224, 0.225)


class ConvLSTMSpec(_Spec):
    """Three stacked ConvLSTM layers, 7x7, 32 -> 16 -> 8 channels (paper, Model 2 to 4)."""

    kind: Literal["convlstm"] = "convlstm"
    hidden_channels: tuple[Width, ...] = Field(default=(32, 16, 8), min_length=1)
    kernel_size: int = Field(default=7, ge=1)
    pool_size: int = Field(default=4, ge=1, description="Max pooling after the last layer.")
    head_features: tuple[Width, ...] = Field(default=(32,), description="Hidden widths.")

    @model_validator(mode="after")
    def _kernel_is_odd(self) -> ConvLSTMSpec:
        if self.kernel_size % 2 == 0:
            raise ValueError("kernel_size must be odd: 'same' padding needs a centre")
        return self


class RecurrentSpec(_Spec):
    """Stacked LSTM or GRU layers over flattened features (paper, comparison models).

    The paper gives two layers and two fully connected ones; the widths are ours.
    """

    kind: Literal["lstm", "gru"]
    hidden_size: int = Field(default=128, ge=1)
    layers: int = Field(default=2, ge=1)
    head_features: tuple[Width, ...] = Field(default=(32,), description="Hidden widths.")


class FrameSpec(_Spec):
    """No memory: fully connected layers over each frame's mean features."""

    kind: Literal["frame"]
    head_features: tuple[Width, ...] = Field(default=(32,), description="Hidden widths.")


TemporalSpec = Annotated[ConvLSTMSpec | RecurrentSpec | FrameSpec, Field(discriminator="kind")]


class ConfidenceSpec(_Spec):
    """A network beside the temporal model that says how sure the model is of each frame."""

    features: Width = Field(default=32, description="Of its hidden layer.")
    tolerance: float = Field(
        default=0.2,
        gt=0,
        lt=2,
        description="Confidence is the share of frames whose arousal and valence were both no "
        "farther than this from what was true, among those held out that looked alike.",
    )


class GraphSpec(_Spec):
    """A backbone that the checkpoint carries as a list of operator calls."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.]*$", description="timm's, say resnet50.")
    channels: int = Field(ge=1)
    map_size: int = Field(ge=1, description="Side of the feature map at the spec's crop size.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of the graph's file.")


VGGName = Literal["vgg11", "vgg13", "vgg16", "vgg19"]
"""A, B, D and E of Simonyan and Zisserman 2015, table 1. The paper compares the last two."""


class NarrowVGGSpec(_Spec):
    """A VGG whose layers all have a share of the published channels."""

    name: VGGName
    width: float = Field(
        ge=0.125, lt=1, description="The share (width multiplier: Howard et al. 2017, 3.3)."
    )


class ArchitectureSpec(_Spec):
    """The layers, by name and size."""

    backbone: VGGName | NarrowVGGSpec | GraphSpec = "vgg19"
    temporal: TemporalSpec = ConvLSTMSpec()
    confidence: ConfidenceSpec | None = None

    @property
    def name(self) -> str:
        """As answers report it, for example `vgg19-convlstm` or `vgg19-0.25-convlstm`."""
        backbone = self.backbone if isinstance(self.backbone, str) else self.backbone.name
        if isinstance(self.backbone, NarrowVGGSpec):
            backbone = f"{backbone}-{self.backbone.width:g}"
        return f"{backbone}-{self.temporal.kind}"


class Provenance(_Spec):
    """Where the weights come from."""

    trained_on: str = Field(min_length=1, description="Shown to users in every answer.")
    versions: dict[str, str] = Field(default_factory=dict, description="Of what made them.")


class ModelSpec(_Spec):
    """Everything a server must know to turn crops into arousal and valence."""

    format_version: Literal[1] = FORMAT_VERSION
    name: str = Field(default="affect", pattern=r"^[a-z][a-z0-9-]*$")
    version: str = Field(default="1.0", pattern=r"^[0-9]+(\.[0-9]+)*$")
    preprocess: PreprocessSpec = PreprocessSpec()
    architecture: ArchitectureSpec = ArchitectureSpec()
    output_smoothing_s: float = Field(
        default=0.0, ge=0, le=10, description="Time constant of a causal low-pass; 0 is none."
    )
    provenance: Provenance
