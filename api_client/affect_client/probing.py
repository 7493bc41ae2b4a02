"""A known clip, the answer it had from a trusted server, and how far another answer is from it."""

from __future__ import annotations

import hashlib
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from affect_client._optional import need
from affect_client.errors import AffectError
from affect_client.instrumentation import outcome_of
from affect_client.wire import Face, Frame, ModelInfo, Prediction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prometheus_client import CollectorRegistry

    from affect_client import AffectClient

_SCALE: Final = 2.0
"""From -1 to 1."""
_WHOLE: Final = 1.0
"""The distance of a frame in which other faces are found."""
_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_OUTPUTS: Final = ("arousal", "valence")
_HTTPS_PORT: Final = 443
_CERTIFICATE_PATIENCE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class ProbeMetric:
    """What one of the probe's metrics says."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    meaning: str


SUCCESS: Final = ProbeMetric(
    "affect_probe_success", "gauge", (), "1 if the last attempt was answered, 0 if it was not."
)
DISTANCE: Final = ProbeMetric(
    "affect_probe_distance_ratio", "gauge", ("output",),
    "Largest difference from the expected answer, as a share of the scale from -1 to 1; 1 where "
    "other faces are found. Of the last answer.",
)  # fmt: skip
TOLERANCE: Final = ProbeMetric(
    "affect_probe_tolerance_ratio", "gauge", (), "The distance up to which an answer is right."
)
ATTEMPTS: Final = ProbeMetric(
    "affect_probe_attempts_total", "counter", ("outcome",),
    "Attempts by how they ended: `ok`, a problem's code, `status_<n>` or an error's class.",
)  # fmt: skip
LATENCY: Final = ProbeMetric("affect_probe_seconds", "histogram", (), "From the call to its end.")
LAST: Final = ProbeMetric(
    "affect_probe_last_timestamp_seconds", "gauge", (), "When the last attempt ended, Unix time."
)
CERTIFICATE: Final = ProbeMetric(
    "affect_probe_certificate_expiry_timestamp_seconds", "gauge", (),
    "When the server's certificate ends, Unix time; only of https.",
)  # fmt: skip
METRICS: Final = (SUCCESS, DISTANCE, TOLERANCE, ATTEMPTS, LATENCY, LAST, CERTIFICATE)


class Expected(BaseModel):
    """What a trusted server made of the clip. The file has no pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = 1
    clip_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    model: ModelInfo
    sample_fps: float
    frames: list[Frame]

    @classmethod
    def of(cls, clip: bytes, answer: Prediction) -> Expected:
        """From an answer that is taken to be right."""
        return cls(
            clip_sha256=hashlib.sha256(clip).hexdigest(),
            model=answer.model,
            sample_fps=answer.sample_fps,
            frames=answer.frames,
        )

    @classmethod
    def read(cls, path: Path, clip: bytes) -> Expected:
        """From a file.

        Raises:
            ValueError: it is no such file, or another clip's.
            OSError: it cannot be read.
        """
        try:
            found = cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise ValueError(
                f"{path} holds no expected answer; `affect learn` writes one."
            ) from error
        if found.clip_sha256 != hashlib.sha256(clip).hexdigest():
            raise ValueError(f"{path} is another clip's; `affect learn` writes this one's.")
        return found

    def distances(self, answer: Prediction) -> dict[str, float]:
        """Of arousal and valence, each in [0, 1], the largest over all faces of all frames."""
        farthest = dict.fromkeys(_OUTPUTS, 0.0)
        if len(answer.frames) != len(self.frames):
            return dict.fromkeys(_OUTPUTS, _WHOLE)
        for frame, expected in zip(answer.frames, self.frames, strict=True):
            for output, far in _between(frame.faces, expected.faces).items():
                farthest[output] = max(farthest[output], far)
        return farthest


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one attempt came to. Without an answer there are no distances."""

    seconds: float
    distances: dict[str, float] | None
    error: AffectError | None = None
    other_weights: bool = False
    """Another model answered than the expected answer's."""


def attempt(client: AffectClient, clip: bytes, expected: Expected) -> Attempt:
    """Post the clip once and compare."""
    began = time.monotonic()
    try:
        answer = client.predict(clip, sample_fps=expected.sample_fps, filename="probe")
    except AffectError as error:
        return Attempt(time.monotonic() - began, None, error)
    return Attempt(
        time.monotonic() - began,
        expected.distances(answer),
        other_weights=answer.model.weights != expected.model.weights,
    )


class ProbeMetrics:
    """What Prometheus sees of attempts.

    Raises:
        ImportError: prometheus-client is not installed (extra `metrics`).
    """

    def __init__(self, registry: CollectorRegistry, tolerance: float) -> None:
        prometheus = need("prometheus_client", "metrics", "affect probe")

        def gauge(metric: ProbeMetric) -> Any:
            return prometheus.Gauge(metric.name, metric.meaning, metric.labels, registry=registry)

        self._gauge = gauge
        self._success, self._distance, self._last = gauge(SUCCESS), gauge(DISTANCE), gauge(LAST)
        self._certificate: Any = None
        gauge(TOLERANCE).set(tolerance)
        self._attempts = prometheus.Counter(
            ATTEMPTS.name, ATTEMPTS.meaning, ATTEMPTS.labels, registry=registry
        )
        self._seconds = prometheus.Histogram(
            LATENCY.name, LATENCY.meaning, buckets=_SECONDS, registry=registry
        )

    def note(self, tried: Attempt) -> None:
        """Count an attempt."""
        self._success.set(tried.error is None)
        self._attempts.labels(outcome_of(tried.error)).inc()
        self._seconds.observe(tried.seconds)
        self._last.set_to_current_time()
        for output, far in (tried.distances or {}).items():
            self._distance.labels(output).set(far)

    def note_certificate(self, expiry: float) -> None:
        """Say when the server's certificate ends."""
        # A gauge shows 0 until it is set, and a certificate that ended in 1970 would page.
        if self._certificate is None:
            self._certificate = self._gauge(CERTIFICATE)
        self._certificate.set(expiry)


def certificate_expiry(base_url: str) -> float | None:
    """When the certificate of an https URL ends, Unix time; None without one that is trusted."""
    url = urlsplit(base_url)
    if url.scheme != "https" or url.hostname is None:
        return None
    address = (url.hostname, url.port or _HTTPS_PORT)
    try:
        with (
            socket.create_connection(address, _CERTIFICATE_PATIENCE_S) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=url.hostname) as made,
        ):
            found: Any = made.getpeercert()
    except OSError:
        return None
    return float(ssl.cert_time_to_seconds(found["notAfter"]))


def _between(faces: Sequence[Face], expected: Sequence[Face]) -> dict[str, float]:
    if len(faces) != len(expected):
        return dict.fromkeys(_OUTPUTS, _WHOLE)
    return {
        output: max(
            (
                abs(getattr(face, output) - getattr(other, output)) / _SCALE
                for face, other in zip(faces, expected, strict=True)
            ),
            default=0.0,
        )
        for output in _OUTPUTS
    }
