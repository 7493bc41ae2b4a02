"""Published numbers to stand beside measured ones.

All are from Mi, Zhao and Gao, "Research on the dimensional emotion recognition model based on
ConvLSTM network", Computer Engineering and Applications, 2020. Its table 1 is on the authors'
student data set; the ConvLSTM's CCC on it stands in section 4.2.2, without a mean, which is
ours. The mean CCC of ResNet50-LSTM is printed as 0.169, and would be 0.168. Table 2 is on Aff-Wild
and quotes MM-NET (Li et al. 2017), DRC-NET (Hasani and Mahoor 2017) and the data set's baseline
(Kollias et al. 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STUDENT_DATA: Final = "the paper's student data set (157 clips, 32 students, 2178 frames; private)"
AFF_WILD: Final = "Aff-Wild, split 4:1"


@dataclass(frozen=True, slots=True)
class Triple:
    """A metric for valence and arousal, and the mean, as printed."""

    valence: float
    arousal: float
    mean: float


@dataclass(frozen=True, slots=True)
class Published:
    """A row of a table: `architecture` as `ArchitectureSpec.name` has it, or None for others'."""

    model: str
    architecture: str | None
    ccc: Triple | None
    mse: Triple | None


TABLE_1: Final = (
    Published(
        "VGG16-LSTM",
        "vgg16-lstm",
        Triple(0.170, 0.219, 0.195),
        Triple(0.105, 0.130, 0.117),
    ),
    Published(
        "VGG19-LSTM",
        "vgg19-lstm",
        Triple(0.361, 0.200, 0.281),
        Triple(0.119, 0.109, 0.114),
    ),
    Published("ResNet34-LSTM", "resnet34-lstm", None, None),
    Published(
        "ResNet50-LSTM",
        "resnet50-lstm",
        Triple(0.172, 0.163, 0.169),
        Triple(0.108, 0.162, 0.135),
    ),
    Published(
        "InceptionV3-LSTM",
        "inception_v3-lstm",
        Triple(0.195, 0.166, 0.181),
        Triple(0.156, 0.172, 0.164),
    ),
    Published("VGG19-ConvLSTM", "vgg19-convlstm", Triple(0.571, 0.592, 0.581), None),
)

TABLE_2: Final = (
    Published("MM-NET", None, Triple(0.196, 0.214, 0.205), Triple(0.134, 0.088, 0.111)),
    Published("DRC-NET", None, Triple(0.042, 0.291, 0.167), Triple(0.161, 0.094, 0.128)),
    Published("Aff-Wild baseline", None, Triple(0.150, 0.100, 0.125), Triple(0.130, 0.140, 0.135)),
    Published(
        "VGG19-ConvLSTM",
        "vgg19-convlstm",
        Triple(0.203, 0.240, 0.222),
        Triple(0.051, 0.097, 0.074),
    ),
    Published("VGG19-LSTM", "vgg19-lstm", None, None),
    Published("VGG19-GRU", "vgg19-gru", None, None),
)
