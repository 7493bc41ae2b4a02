"""Where TorchServe listens, and who can reach it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_ANY: Final = "0.0.0.0"  # noqa: S104


@dataclass(frozen=True, slots=True)
class Addresses:
    """Adjacent ports from `port` on: inference, management, metrics, and TorchServe's two of gRPC.

    Args:
        port: inference.
        host: of inference and metrics. Management and gRPC stay on loopback whatever it is: who
            reaches management can stop workers.
        door: requests enter by a `Door` on `port`, and TorchServe's own inference port is the
            sixth, on loopback.
    """

    port: int = 8080
    host: str = LOOPBACK
    door: bool = False

    @property
    def torchserve_listens(self) -> list[tuple[str, int]]:
        """Host and port of everything that must be free for TorchServe."""
        rest = [LOOPBACK, self.host, LOOPBACK, LOOPBACK]
        adjacent = [(host, self.port + offset) for offset, host in enumerate(rest, 1)]
        return [(LOOPBACK if self.door else self.host, self.torchserve_port), *adjacent]

    @property
    def torchserve_port(self) -> int:
        """TorchServe's own inference port."""
        return self.port + 5 if self.door else self.port

    @property
    def torchserve_url(self) -> str:
        """TorchServe's own inference port, as seen from this machine."""
        host = LOOPBACK if self.door else self.local_host
        return f"http://{host}:{self.torchserve_port}"

    @property
    def local_host(self) -> str:
        """By which this machine itself reaches `host`."""
        return LOOPBACK if self.host == _ANY else self.host

    @property
    def inference_url(self) -> str:
        """Base URL of predictions and `/ping`."""
        return f"http://{self.local_host}:{self.port}"

    @property
    def management_url(self) -> str:
        """Base URL of `/models`."""
        return f"http://{LOOPBACK}:{self.port + 1}"

    @property
    def metrics_url(self) -> str:
        """Where Prometheus scrapes."""
        return f"http://{self.local_host}:{self.port + 2}/metrics"

    @property
    def environment(self) -> dict[str, str]:
        """TorchServe's words for it, which go before those of config.properties."""
        inference = LOOPBACK if self.door else self.host
        return {
            "TS_INFERENCE_ADDRESS": f"http://{inference}:{self.torchserve_port}",
            "TS_MANAGEMENT_ADDRESS": self.management_url,
            "TS_METRICS_ADDRESS": f"http://{self.host}:{self.port + 2}",
            "TS_GRPC_INFERENCE_PORT": str(self.port + 3),
            "TS_GRPC_MANAGEMENT_PORT": str(self.port + 4),
        }
