"""A tracked face -> its square crop."""

from __future__ import annotations

import cv2
import numpy as np

from affect_core.types import Box, Image


def crop_square(image: Image, square: Box, size: int) -> Image:
    """`square` of `image`, resized to (size, size, 3); RGB uint8.

    Where the square leaves the frame, the frame's edge is repeated. Shrinking averages areas
    (no aliasing), enlarging interpolates linearly. Memory is bounded by the frame, not by the
    square.
    """
    height, width = image.shape[:2]
    side = square.width
    left, right = _span(square.x, side, width)
    top, bottom = _span(square.y, side, height)
    scale = size / side
    pad_left = min(size - 1, max(0, round((left - square.x) * scale)))
    pad_top = min(size - 1, max(0, round((top - square.y) * scale)))
    pad_right = min(size - 1 - pad_left, max(0, round((square.x + side - right) * scale)))
    pad_bottom = min(size - 1 - pad_top, max(0, round((square.y + side - bottom) * scale)))
    inside = cv2.resize(
        image[top:bottom, left:right],
        (size - pad_left - pad_right, size - pad_top - pad_bottom),
        interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
    )
    if pad_left or pad_right or pad_top or pad_bottom:
        inside = cv2.copyMakeBorder(
            inside, pad_top, pad_bottom, pad_left, pad_right, cv2.BORDER_REPLICATE
        )
    return np.ascontiguousarray(inside, dtype=np.uint8)


def _span(start: float, side: float, limit: int) -> tuple[int, int]:
    """First and last-plus-one pixel of the square inside the frame; never empty."""
    first = min(max(0, round(start)), limit - 1)
    last = max(first + 1, min(limit, round(start + side)))
    return first, last
