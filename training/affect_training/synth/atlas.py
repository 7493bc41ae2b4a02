"""Where each surface lies in the one texture that a person wears.

Rectangles are (x0, y0, x1, y1) in texture pixels, x to the right, y down.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

Rect = tuple[int, int, int, int]

SIZE: Final = 768
"""Side of the texture in pixels."""
HEAD_WIDTH: Final = 384
"""The head's skin fills the texture's columns below this one, over the full height."""

TORSO: Final[Rect] = (394, 504, 636, 760)
CLOTH: Final[Rect] = (394, 254, 636, 492)
FRAME: Final[Rect] = (394, 8, 456, 70)
SCALP_CAP: Final[Rect] = (464, 8, 636, 240)
LEFT_EYE: Final[Rect] = (652, 8, 760, 116)
RIGHT_EYE: Final[Rect] = (652, 128, 760, 236)
UPPER_TEETH: Final[Rect] = (652, 248, 760, 300)
LOWER_TEETH: Final[Rect] = (652, 312, 760, 364)
LASHES: Final[Rect] = (652, 376, 760, 420)
TONGUE: Final[Rect] = (652, 432, 760, 480)
HAIR: Final[Rect] = (652, 492, 760, 580)
BEARD: Final[Rect] = (652, 588, 760, 668)
BROWS: Final[Rect] = (652, 676, 760, 760)


class Material(IntEnum):
    """How a surface answers light; the shader's table has one row for each."""

    SKIN = 0
    EYE = 1
    HAIR = 2
    MOUTH = 3
    CLOTH = 4
    FRAME = 5


def slices(rect: Rect) -> tuple[slice, slice]:
    """Rows and columns of a rectangle, for indexing the texture."""
    x0, y0, x1, y1 = rect
    return slice(y0, y1), slice(x0, x1)
