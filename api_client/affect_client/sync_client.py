"""The synchronous client."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from affect_client import _many, metrics, serving
from affect_client._calls import Core
from affect_client._many import ClipOutcome
from affect_client._requests import FacesChoice, checked_options
from affect_client._session import SessionState
from affect_client.instrumentation import Observer
from affect_client.live import LiveSession
from affect_client.metrics import ServerMetrics
from affect_client.results import AffectResult, parse_result
from affect_client.retries import BeforeRetry, RetryPolicy
from affect_client.serving import Health, ServedModel
from affect_client.settings import Settings, Timeouts
from affect_client.streams import EventStream
from affect_client.uploads import ClipSource, OnUpload, Upload
from affect_client.wire import ModelDescription, PredictOptions

if TYPE_CHECKING:
    import httpx


class AffectClient:
    """Arousal and valence of clips from an affectline server. Threads may share a client.

    Args:
        base_url: of predictions and `/ping`; else `AFFECT_BASE_URL`, else http://127.0.0.1:8080.
        api_key: sent to `base_url` as a bearer token; else `AFFECT_API_KEY`, else none. An
            empty one is none.
        management_url: of `/models`; by default the port after `base_url`'s, if that is plain.
        metrics_url: what Prometheus scrapes, path and all; by default two ports after.
        timeouts: the longest waits.
        retries: how often failures are tried again, and until when.
        before_retry: told before each wait for a retry; what it raises ends the call.
        observer: told of every call; `ClientMetrics` is one.
        max_connections: at a time, of this client's own pool.
        http_client: an `httpx.Client` of yours (proxies, certificates, ...), which stays open
            when this client is closed. Its timeouts are not used.

    Raises:
        SettingsError: an argument or environment variable cannot be right.
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
        http_client: httpx.Client | None = None,
    ) -> None:
        # httpx would be half of the time of importing this package, which much does without.
        from affect_client._http_sync import Transport

        settings = Settings.resolve(
            base_url=base_url,
            api_key=api_key,
            management_url=management_url,
            metrics_url=metrics_url,
        )
        core = Core.of(settings, timeouts, retries, before_retry, observer)
        self._requests = core.requests
        self._transport = Transport(core, http_client, max_connections)

    def __enter__(self) -> AffectClient:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._requests.settings.base_url!r})"

    def close(self) -> None:
        """Close the connections of this client's own pool. Safe to repeat."""
        self._transport.close()

    def predict(
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
        """Arousal and valence for every sampled frame of a clip.

        Args:
            clip: path, bytes, or a binary file object, which is read from where it stands and
                stays open. Files are read in pieces while they are sent.
            sample_fps: samples a second, above 0 and up to 30; models are trained at 5.
            faces: `primary`, the largest, followed until its track ends; or `all`.
            start_s: first sample at or after this time, seconds.
            end_s: samples before this time, seconds; None: to the clip's end.
            filename: instead of the file's own name.
            on_upload: told the clip's bytes sent so far and its size, None if that is not known.

        Raises:
            AffectError: one of its kinds; the module `errors` draws them.
            TypeError: `clip` is no path, bytes or binary file.
        """
        options = checked_options(
            PredictOptions, sample_fps=sample_fps, faces=faces, start_s=start_s, end_s=end_s
        )
        return self._predict(options, clip, filename, on_upload)

    def predict_many(
        self,
        clips: Iterable[ClipSource],
        *,
        concurrency: int = 4,
        sample_fps: float = 5.0,
        faces: FacesChoice = "primary",
        start_s: float = 0.0,
        end_s: float | None = None,
    ) -> Generator[ClipOutcome, None, None]:
        """`predict` for many clips, some at a time; outcomes in the order of the clips.

        A clip that fails has an outcome with its error and does not touch the others. Clips are
        taken from `clips` as there is room for `concurrency` at a time; options are `predict`'s.
        Where the caller stops early, clips that have begun run to their end in the background.

        Raises:
            SettingsError: an argument is not valid.
        """
        options = checked_options(
            PredictOptions, sample_fps=sample_fps, faces=faces, start_s=start_s, end_s=end_s
        )
        order = _many.InOrder(concurrency)
        return _many.run_in_threads(partial(self._predict, options), clips, concurrency, order)

    def predict_as_completed(
        self,
        clips: Iterable[ClipSource],
        *,
        concurrency: int = 4,
        sample_fps: float = 5.0,
        faces: FacesChoice = "primary",
        start_s: float = 0.0,
        end_s: float | None = None,
    ) -> Generator[ClipOutcome, None, None]:
        """`predict_many` with each outcome as soon as it is known."""
        options = checked_options(
            PredictOptions, sample_fps=sample_fps, faces=faces, start_s=start_s, end_s=end_s
        )
        order = _many.AsCompleted(concurrency)
        return _many.run_in_threads(partial(self._predict, options), clips, concurrency, order)

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
    ) -> EventStream:
        """Events while the server works: the clip, each sampled frame, a summary.

        The request is sent when the first event is asked for. Use it in a `with` block, or read
        it to its end. Arguments and errors are `predict`'s; a stream that has begun is never
        tried again.
        """
        window = {"start_s": start_s, "end_s": end_s}
        options = checked_options(
            PredictOptions, sample_fps=sample_fps, faces=faces, **window, stream=True
        )
        request = self._requests.predict(Upload.of(clip, filename), options, on_upload)
        return EventStream(self._transport.events(request))

    def live(self, *, fps: float = 5.0, faces: FacesChoice = "primary") -> LiveSession:
        """A live session; it begins with what is first sent.

        Args:
            fps: samples a second of short clips, and of frames whose times are not given.
            faces: as for `predict`.

        Raises:
            SettingsError: an option is not valid.
        """
        return LiveSession(self._transport.fetch, SessionState(self._requests, fps, faces))

    def health(self) -> Health:
        """How the server is now; not tried again. An unhealthy server is no error.

        Raises:
            AffectError: one of its kinds.
        """
        return self._transport.fetch(self._requests.health(), serving.parse_health)

    def models(self) -> list[ServedModel]:
        """The models that are loaded, with their workers. Needs the management port.

        Raises:
            AffectError: one of its kinds; `SettingsError` if `management_url` is not known.
        """
        fetch = self._transport.fetch
        names = fetch(self._requests.models(), serving.parse_names)
        return [fetch(self._requests.model(name), serving.parse_model) for name in names]

    def describe(self) -> ModelDescription:
        """What the model says of itself, between two pieces of work: weights, device, detector.

        Raises:
            AffectError: one of its kinds.
        """
        return self._transport.fetch(self._requests.describe(), serving.parse_description)

    def metrics(self) -> ServerMetrics:
        """What the server counts. Needs the metrics port and prometheus-client.

        Raises:
            AffectError: one of its kinds; `SettingsError` if `metrics_url` is not known.
            ImportError: prometheus-client is not installed (extra `metrics`).
        """
        return self._transport.fetch(self._requests.metrics(), metrics.parse_metrics)

    def _predict(
        self,
        options: PredictOptions,
        clip: ClipSource,
        filename: str | None = None,
        on_upload: OnUpload | None = None,
    ) -> AffectResult:
        request = self._requests.predict(Upload.of(clip, filename), options, on_upload)
        return self._transport.fetch(request, parse_result)
