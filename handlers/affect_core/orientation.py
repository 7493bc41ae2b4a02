"""The display matrix of a frame, as a flip and a turn of its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Orientation:
    """How stored pixels become upright ones: transpose first, then mirror.

    Turns by other than right angles are rounded to the nearest one.
    """

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> Orientation:
        """From the frame's display matrix, as ISO/IEC 14496-12 (tkhd) defines it.

        The matrix [a b u; c d v; x y w] takes a stored pixel (p, q) to
        (a p + c q + x, b p + d q + y); FFmpeg keeps it as nine int32 (libavutil/display.h).
        """
        try:
            data = frame.side_data.get(SideDataType.DISPLAYMATRIX)  # type: ignore[call-overload]
        except ValueError:
            # PyAV 17 cannot list the side data of a frame with EXIF (motion JPEG from a camera), a
            # kind that FFmpeg 8 brought. It still tells the turn, though no mirroring.
            return _TURNS[round(-frame.rotation / 90) % 4]
        if data is None:
            return cls()
        a, b, _, c, d, *_ = np.frombuffer(bytes(data), dtype=np.int32).astype(float).tolist()
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(transpose=False, mirror_x=a < 0, mirror_y=d < 0)
        return cls(transpose=True, mirror_x=c < 0, mirror_y=b < 0)

    @property
    def rotation(self) -> Literal[0, 90, 180, 270]:
        """Clockwise degrees of the turn (a mirrored frame's turn follows its mirroring)."""
        if self.transpose:
            return 90 if self.mirror_x else 270
        return 180 if self.mirror_y else 0

    def upright_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the upright frame."""
        return (height, width) if self.transpose else (width, height)

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The upright view of a stored (height, width, 3) image."""
        if self.transpose:
            image = image.swapaxes(0, 1)
        if self.mirror_x:
            image = image[:, ::-1]
        if self.mirror_y:
            image = image[::-1]
        return image


_TURNS: Final = (
    Orientation(),
    Orientation(transpose=True, mirror_x=True),
    Orientation(mirror_x=True, mirror_y=True),
    Orientation(transpose=True, mirror_y=True),
)
"""By clockwise quarter turns."""
