"""Lets torchvision, and what imports it (timm, torchmetrics, Lightning), load beside any torch.

torchvision from PyPI is built against PyPI's torch. Beside another build of the same version
(a CPU-only one, say) its compiled operators do not load, and its import then fails on
`operator torchvision::nms does not exist`, because it describes these two operators to the
compiler. Naming their schemas first is enough for the import; training calls neither.

Importing this module does it, and does nothing where torchvision works.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
from typing import Final

import torch

_SCHEMAS: Final = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}

_library: torch.library.Library | None = None
"""Schemas live as long as the library that defined them."""


def _operators_load() -> bool:
    """Whether torchvision's compiled operators work beside this torch."""
    found = importlib.util.find_spec("torchvision")
    if found is None or not found.submodule_search_locations:
        return True
    folder = found.submodule_search_locations[0]
    suffixes = (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES)
    extension = importlib.machinery.FileFinder(folder, suffixes).find_spec("_C")
    if extension is None or extension.origin is None:
        return False
    try:
        torch.ops.load_library(extension.origin)  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return True


if not _operators_load():
    _library = torch.library.Library(  # type: ignore[no-untyped-call]
        "torchvision", "FRAGMENT"
    )
    for _name, _schema in _SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, _name):
            _library.define(_schema)  # type: ignore[no-untyped-call]
