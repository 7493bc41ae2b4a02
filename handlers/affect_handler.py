"""TorchServe's entry point, and the only code inside the archive.

The file must define exactly one class (TorchServe refuses two), and must not let ImportError
out: TorchServe would take it for a missing handler, try its built-in ones and hide the cause.
"""

from __future__ import annotations

from typing import Any


class AffectHandler:
    """Hands TorchServe's calls to `affect_serving`."""

    def initialize(self, context: Any) -> None:
        """Load the archive's model onto the worker's device."""
        try:
            from affect_serving.service import load_service
        except ImportError as error:
            raise RuntimeError(
                f"affectline is not fully installed in the Python that runs TorchServe: {error}. "
                "Install it with: pip install 'affectline[serve]'"
            ) from error
        self._service = load_service(context)

    def handle(self, rows: list[dict[str, Any]], context: Any) -> list[str]:
        """Answer one batch: as many answers as rows, in order."""
        return self._service.answer(rows, context)
