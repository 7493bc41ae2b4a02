"""The parts of a TorchServe worker around the handler, as TorchServe builds them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from ts.context import Context, RequestProcessor
from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl


class RecordingSocket:
    """What a worker would have sent to TorchServe before its answer."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendall(self, message: bytes) -> None:
        self.sent.append(bytes(message))


def build_context(folder: Path, store: Path) -> Context:
    """TorchServe's own context, with its own metrics, as a worker builds it."""
    with warnings.catch_warnings():
        # TorchServe leaves the file it parses to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        metrics = MetricsCacheYamlImpl(str(store / "metrics.yaml"))
    metrics.initialize_cache()
    manifest = json.loads((folder / "MAR-INF" / "MANIFEST.json").read_text())
    made = Context("affect", str(folder), manifest, 4, None, "0.12.0", metrics=metrics)
    made.cl_socket = RecordingSocket()
    return made


def call(
    handler: Any, context: Context, rows: Sequence[dict[str, Any]], **headers: str
) -> list[str]:
    """One batch, as TorchServe's service calls the handler."""
    context.request_processor = [RequestProcessor(dict(headers)) for _ in rows]
    context.request_ids = {i: f"request-{i}" for i in range(len(rows))}
    return cast("list[str]", handler.handle(list(rows), context))
