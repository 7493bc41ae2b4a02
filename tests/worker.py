"""The parts of a TorchServe worker around the handler, and of the front end that asks it."""

from __future__ import annotations

import importlib
import json
import uuid
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml
from ts.context import Context, RequestProcessor
from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl

from affect_core.contents import HANDLER_MODULE

Row = dict[str, Any]
Headers = dict[str, str]


def build_context(folder: Path, store: Path) -> Context:
    """TorchServe's own context, with its own metrics, as a worker builds it."""
    with warnings.catch_warnings():
        # TorchServe leaves the file it parses to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        metrics = MetricsCacheYamlImpl(str(store / "metrics.yaml"))
    metrics.initialize_cache()
    manifest = json.loads((folder / "MAR-INF" / "MANIFEST.json").read_text())
    config = yaml.safe_load((folder / manifest["model"]["configFile"]).read_text())
    return Context(
        manifest["model"]["modelName"],
        str(folder),
        manifest,
        config["batchSize"],
        None,
        "0.12.0",
        metrics=metrics,
        model_yaml_config=config,
    )


def initialised(context: Context) -> Any:
    """The handler as a worker has it: loaded by its module's name, and initialised."""
    handler = importlib.import_module(HANDLER_MODULE).AffectHandler()
    handler.initialize(context)
    return handler


def call_each(handler: Any, context: Context, requests: Sequence[tuple[Row, Headers]]) -> list[str]:
    """One call with rows and their headers, as TorchServe's service makes it."""
    context.request_processor = [RequestProcessor(dict(headers)) for _, headers in requests]
    context.request_ids = {i: f"request-{i}" for i in range(len(requests))}
    return cast("list[str]", handler.handle([row for row, _ in requests], context))


@dataclass
class Response:
    """What a client gets."""

    pieces: list[str] = field(default_factory=list)
    status: int | None = None
    media_type: str | None = None
    complete: bool = False
    client_gone: bool = False
    handed_over: int = 0
    """Times that the worker got the body."""

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class ContinuousFrontEnd:
    """TorchServe 0.12.0's continuous batching, as `ContinuousBatching` and `RestJob` do it.

    Args:
        handler: initialised.
        context: the handler's.
    """

    def __init__(self, handler: Any, context: Context) -> None:
        self._handler = handler
        self._context = context
        self._jobs: dict[str, tuple[Row, Headers, Response]] = {}
        self._cached: set[str] = set()
        self.calls = 0

    def post(self, row: Row, headers: Headers | None = None, name: str | None = None) -> Response:
        """A request, which joins with the next call."""
        response = Response()
        name = name or str(uuid.uuid4())
        self._cached.discard(name)
        self._jobs[name] = (row, headers or {}, response)
        return response

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Call the handler until nothing is open, or as told."""
        while self._jobs and not until():
            self.step()

    def step(self) -> None:
        """One call of the handler and what becomes of its answers."""
        self.calls += 1
        batch = list(self._jobs.items())
        context = self._context
        context.request_processor = [RequestProcessor(dict(job[1])) for _, job in batch]
        context.request_ids = {i: name for i, (name, _) in enumerate(batch)}
        rows = []
        for name, (row, _, response) in batch:
            rows.append({} if name in self._cached else row)
            response.handed_over += name not in self._cached
        texts = self._handler.handle(rows, context)
        assert len(texts) == len(rows)
        for position, name in list(context.request_ids.items()):
            more = context.stopping_criteria[position](texts[position])
            self._receive(name, position, texts[position], more)

    def _receive(self, name: str, position: int, text: str, last: bool | None) -> None:
        response = self._jobs[name][2]
        closed = response.client_gone
        if last is None:
            assert response.status is None, "an answer by itself after a piece"
            closed = self._open(response, position) >= 400 or closed
            response.complete = True
        elif last:
            assert response.status is not None, "the last piece came first"
            assert response.complete or not closed or not text
            response.complete = True
        elif response.status is None:
            status = self._open(response, position)
            assert status == 200, "an error in pieces loses its body"
        if not (last and closed):
            response.pieces.append(text)
        if last or closed:
            del self._jobs[name]
        else:
            self._cached.add(name)

    def _open(self, response: Response, position: int) -> int:
        status = int(self._context.get_response_status(position)[0])
        response.status = status
        response.media_type = self._context.get_response_content_type(position)
        return status


def post_together(
    handler: Any, context: Context, rows: Sequence[Row], headers: Sequence[Headers] | None = None
) -> list[Response]:
    """Requests that arrive together, answered to the end."""
    front_end = ContinuousFrontEnd(handler, context)
    each = headers or [{} for _ in rows]
    responses = [front_end.post(row, own) for row, own in zip(rows, each, strict=True)]
    front_end.run()
    assert all(response.complete for response in responses)
    return responses
