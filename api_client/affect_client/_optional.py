"""Libraries that the base install does not bring."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def need(module: str, extra: str, purpose: str) -> Any:
    """The module.

    Args:
        module: to import.
        extra: of affectline that brings it.
        purpose: what asks for it, for the error.

    Raises:
        ImportError: it is not installed; says what to install.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        package = module.partition(".")[0]
        raise ImportError(
            f"{purpose} needs {package}: pip install 'affectline[{extra}]'", name=package
        ) from error
