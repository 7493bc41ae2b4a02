"""The asynchronous client: `AffectClient` for asyncio."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from affect_client import _many, metrics, serving
from affect_client._calls import Core
from affect_client._many import ClipOutcome
from affect_client._requests import FacesChoice, checked_options
from affect_client._session import SessionState
from affect_client.instrumentation import Observer
from affect_client.live import AsyncLiveSession
from affect_client.metrics import ServerMetrics
from affect_client.results import AffectResult, parse_result
from affect_client.retries import BeforeRetry, RetryPolicy
from affect_client.serving import Health, ServedModel
from affect_client.settings import Settings, Timeouts
from affect_client.streams import AsyncEventStream
from affect_client.uploads import ClipSource, OnUpload, Upload
from affect_client.wire import ModelDescription, PredictOptions

if TYPE_CHECKING:
    import httpx


class AsyncAffectClient:
    """`AffectClient` with the same arguments and methods, to be awaited.

    Cancelling a call closes its connection. Files are read by threads.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        management_url: str | None = None,
        metrics_url: str | None = None,
        timeouts: Timeouts | None = None,
        retries: RetryPolicy | None = None,
        before_retry: BeforeRetry | None = None,
        observer: Observer | None = None,
        max_connections: int = 100,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        # As in `AffectClient`.
        from affect_client._http_async import Transport

        settings = Settings.resolve(
            base_url=base_url,
            api_key=api_key,
            management_url=management_url,
            metrics_url=metrics_url,
        )
        core = Core.of(settings, timeouts, retries, before_retry, observer)
        self._requests = core.requests
        self._transport = Transport(core, http_client, max_connections)

    async def __aenter__(self) -> AsyncAffectClient:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._requests.settings.base_url!r})"

    async def close(self) -> None:
        """Close the connections of this client's own pool. Safe to repeat."""
        await self._transport.close()

    async def predict(
        self,
        clip: ClipSource,
        *,
        sample_fps: float = 5.0,
        faces: FacesChoice = "primary",
        start_s: float = 0.0,
        end_s: float | None = None,
        filename: str | None = None,
        on_upload: OnUpload | None = None,
    ) -> AffectResult:
        """See `AffectClient.predict`."""
        options = checked_options(
            PredictOptions, sample_fps=sample_fps, faces=faces, start_s=start_s, end_s=end_s
        )
        return await self._predict(options, clip, filename, on_upload)

    def predict_many(
        self,
        clips: Iterable[ClipSource],
        *,
        concurrency: int = 4,
        sample_fps: float = 5.0,
        faces: FacesChoice = "primary",
        start_s: float = 0.0,
        end_s: float | None = None,
    ) -> AsyncGenerator[ClipOutcome, None]:
        """See `AffectClient.predict_many`.

        Where the caller stops early, clips that have begun are cancelled; close the generator
        (`contextlib.aclosing`) to have that done at once.
        """
        options = checked_options(
            PredictOptions, sample_fps=sample_fps, faces=faces, start_s=start_s, end_s=end_s
        )
        order = _many.InOrder(concurrency)
        return self._transport.many(partial(self._predict, options), clips, order)

    def predict_as_completed(
        self,
        clips: Iterable[ClipSource],
        *,
        concurrency: int = 4,
        sample_fps: float = 5.0,
        faces: FacesChoice = "primary",
        start_s: float = 0.0,
        end_s: float | None = None,
    ) -> AsyncGenerator[ClipOutcome, None]:
        """`predict_many` with each outcome as soon as it is known."""
        options = checked_options(
            PredictOptions, sample_fps=sample_fps, faces=faces, start_s=start_s, end_s=end_s
        )
        order = _many.AsCompleted(concurrency)
        return self._transport.many(partial(self._predict, options), clips, order)

    def stream(
        self,
        clip: ClipSource,
        *,
        sample_fps: float = 5.0,
        faces: FacesChoice = "primary",
        start_s: float = 0.0,
        end_s: float | None = None,
        filename: str | None = None,
        on_upload: OnUpload | None = None,
    ) -> AsyncEventStream:
        """See `AffectClient.stream`; use it in an `async with` block."""
        window = {"start_s": start_s, "end_s": end_s}
        options = checked_options(
            PredictOptions, sample_fps=sample_fps, faces=faces, **window, stream=True
        )
        request = self._requests.predict(Upload.of(clip, filename), options, on_upload)
        return AsyncEventStream(self._transport.events(request))

    def live(self, *, fps: float = 5.0, faces: FacesChoice = "primary") -> AsyncLiveSession:
        """See `AffectClient.live`."""
        return AsyncLiveSession(self._transport.fetch, SessionState(self._requests, fps, faces))

    async def health(self) -> Health:
        """See `AffectClient.health`."""
        return await self._transport.fetch(self._requests.health(), serving.parse_health)

    async def models(self) -> list[ServedModel]:
        """See `AffectClient.models`."""
        fetch = self._transport.fetch
        names = await fetch(self._requests.models(), serving.parse_names)
        return [await fetch(self._requests.model(name), serving.parse_model) for name in names]

    async def describe(self) -> ModelDescription:
        """See `AffectClient.describe`."""
        return await self._transport.fetch(self._requests.describe(), serving.parse_description)

    async def metrics(self) -> ServerMetrics:
        """See `AffectClient.metrics`."""
        return await self._transport.fetch(self._requests.metrics(), metrics.parse_metrics)

    async def _predict(
        self,
        options: PredictOptions,
        clip: ClipSource,
        filename: str | None = None,
        on_upload: OnUpload | None = None,
    ) -> AffectResult:
        request = self._requests.predict(Upload.of(clip, filename), options, on_upload)
        return await self._transport.fetch(request, parse_result)
