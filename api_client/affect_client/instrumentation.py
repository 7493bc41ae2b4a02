"""Numbers about a program's own calls: an interface, and Prometheus behind it.

from prometheus_client import REGISTRY
client = AffectClient(observer=ClientMetrics(REGISTRY))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from affect_client._optional import need
from affect_client.errors import AffectError, StatusError
from affect_client.refusals import BY_CODE
from affect_client.retries import RetryEvent

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800)
"""Upper bounds, s: a live frame takes tenths, a long clip minutes."""


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One call that has ended."""

    operation: str
    """`predict`, `stream`, `live`, `health`, `models`, `describe` or `metrics`."""
    outcome: str
    """`ok`; or the problem's code, `status_<n>`, the error's class, `cancelled` or `error`."""
    seconds: float
    """From the call to its end, retries and waits included; of a stream also what its reader
    took between events."""
    sent_bytes: int
    """Of request bodies, all attempts."""
    received_bytes: int
    """Of answers' bodies, all attempts, after decompression."""


class Observer(Protocol):
    """What a client tells of its calls. Calls of several threads may report at once."""

    def retrying(self, event: RetryEvent) -> None:
        """An attempt failed and another will follow."""

    def ended(self, event: CallEvent) -> None:
        """A call has ended, well or not."""


class ClientMetrics:
    """Prometheus metrics of the calls of one or several clients.

        affect_client_requests_total{operation, outcome}    calls, retries not counted
        affect_client_request_seconds{operation}            a histogram of their durations
        affect_client_retries_total{operation, reason}      further attempts
        affect_client_sent_bytes_total{operation}           of request bodies
        affect_client_received_bytes_total{operation}       of answers

    Labels hold nothing of clips, and only names from fixed sets.

    Args:
        registry: where they are registered; a second one needs another registry.

    Raises:
        ImportError: prometheus-client is not installed (extra `metrics`).
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        prometheus = need("prometheus_client", "metrics", "ClientMetrics")
        self._requests = prometheus.Counter(
            "affect_client_requests_total",
            "Calls, by how they ended.",
            ["operation", "outcome"],
            registry=registry,
        )
        self._seconds = prometheus.Histogram(
            "affect_client_request_seconds",
            "From call to answer, retries and waits included.",
            ["operation"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._retries = prometheus.Counter(
            "affect_client_retries_total",
            "Further attempts, by why.",
            ["operation", "reason"],
            registry=registry,
        )
        self._sent = prometheus.Counter(
            "affect_client_sent_bytes_total",
            "Bytes of request bodies.",
            ["operation"],
            registry=registry,
        )
        self._received = prometheus.Counter(
            "affect_client_received_bytes_total",
            "Bytes of answers.",
            ["operation"],
            registry=registry,
        )

    def retrying(self, event: RetryEvent) -> None:
        """Count a further attempt."""
        self._retries.labels(event.operation, outcome_of(event.error)).inc()

    def ended(self, event: CallEvent) -> None:
        """Count a call, its time and its bytes."""
        self._requests.labels(event.operation, event.outcome).inc()
        self._seconds.labels(event.operation).observe(event.seconds)
        self._sent.labels(event.operation).inc(event.sent_bytes)
        self._received.labels(event.operation).inc(event.received_bytes)


def outcome_of(error: BaseException | None) -> str:
    """How a call ended, in one of few words.

    Codes that this version does not know are not among them: what a server sends must not make
    new labels.
    """
    if error is None:
        return "ok"
    if isinstance(error, StatusError):
        return error.code if error.code in BY_CODE else f"status_{error.status}"
    if isinstance(error, AffectError):
        return type(error).__name__
    # asyncio's CancelledError, KeyboardInterrupt, GeneratorExit.
    return "error" if isinstance(error, Exception) else "cancelled"
