"""A network that is cut between the gateway and one of two replicas, and comes back.

`unshare -n python -m torture.cut` (as root): this process's own network has the gateway, the
clients and the first replica; the second is in a network of its own, behind a cable of two ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from affect_client import AffectClient, AffectError, RetryEvent, Timeouts
from gateway import Gateway
from small_store import export_small
from torture import coded
from torture.service import Service
from torture.sick import HEALTHY_WITHIN_S, Suffered, alone

_NAME: Final = f"torture-{os.getpid()}"
_HERE: Final = "198.18.0.1"
_THERE: Final = "198.18.0.2"
_NOBODY: Final = "02:00:00:00:00:99"
_CLIENTS: Final = 4
_CUT_S: Final = 25.0
_KEEPALIVE: Final = {"time": 5, "intvl": 2, "probes": 3}
"""As docker/compose.yaml sets them for the gateway's container."""


def _run(command: str) -> None:
    subprocess.run(command.split(), check=True)


def _lay() -> None:
    """A cable between here and a new network."""
    _run("ip link set lo up")
    _run(f"ip netns add {_NAME}")
    _run(f"ip link add here type veth peer name there netns {_NAME}")
    _run(f"ip addr add {_HERE}/30 dev here")
    _run("ip link set here up")
    for command in ("link set lo up", f"addr add {_THERE}/30 dev there", "link set there up"):
        _run(f"ip -n {_NAME} {command}")
    for name, value in _KEEPALIVE.items():
        Path(f"/proc/sys/net/ipv4/tcp_keepalive_{name}").write_text(str(value))


def _cable(*, whole: bool) -> None:
    """Packets are lost in silence, as in a cut: no one is told that a connection is gone.

    They are sent to a card that neither end has. (netem is not in every kernel.)
    """
    for where, end, other in (("", "here", _THERE), (f"-n {_NAME}", "there", _HERE)):
        if whole:
            _run(f"ip {where} neigh del {other} dev {end}")
        else:
            _run(f"ip {where} neigh replace {other} lladdr {_NOBODY} dev {end} nud permanent")


class _Clients:
    """Programs that send clips through the gateway, one after the other."""

    def __init__(self, gateway: Gateway, url: str) -> None:
        self._gateway = gateway
        self._expected = [alone(url, code) for code in coded.CODES]
        self._stop = threading.Event()
        self.found = Suffered()
        self.slowest_s = 0.0
        self._threads = [
            threading.Thread(target=self._run, args=(number,)) for number in range(_CLIENTS)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        def count(_event: RetryEvent) -> None:
            self.found.retries += 1

        code = number
        with (
            self._gateway.http() as http,
            AffectClient(
                base_url=self._gateway.url,
                api_key=self._gateway.key,
                http_client=http,
                timeouts=Timeouts(answer_s=60),
                before_retry=count,
            ) as client,
        ):
            while not self._stop.is_set():
                self.found.calls += 1
                began = time.monotonic()
                try:
                    answer = client.predict(coded.clip(code))
                    self.found.wrong += not coded.same(answer.frames, self._expected[code])
                except AffectError as error:
                    self.found.lost.append(type(error).__name__)
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                code = (code + _CLIENTS) % len(coded.CODES)


def _answered_by(gateway: Gateway, replica: str, after: int) -> bool:
    return any(
        line["replicas"].split(", ")[-1] == replica and line["status"] == 200
        for line in gateway.lines()[after:]
    )


def cut(folder: Path) -> tuple[Suffered, float]:
    """Cut for 25 seconds; healthy is when the far replica answers again."""
    store = export_small(folder / "store", "vgg19")
    into = ("ip", "netns", "exec", _NAME)
    with (
        Service(store, folder / "near", live=False) as near,
        Service(store, folder / "far", live=False, host=_THERE, prefix=into) as far,
        Gateway(folder / "gateway", [f"127.0.0.1:{near.port}", f"{_THERE}:{far.port}"]) as gateway,
    ):
        clients = _Clients(gateway, near.url)
        clients.start()
        try:
            time.sleep(3)
            replica = f"{_THERE}:{far.port}"
            assert _answered_by(gateway, replica, 0)
            _cable(whole=False)
            time.sleep(1)
            seen = len(gateway.lines())
            time.sleep(_CUT_S - 1)
            assert not _answered_by(gateway, replica, seen)
            _cable(whole=True)
            healed, seen = time.monotonic(), len(gateway.lines())
            while time.monotonic() - healed < 60:
                if _answered_by(gateway, replica, seen):
                    clients.found.healthy_s = time.monotonic() - healed
                    break
                time.sleep(0.1)
        finally:
            clients.stop()
    return clients.found, clients.slowest_s


def main() -> int:
    """Print the row; 0 where the bars hold."""
    _lay()
    try:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "gateway").mkdir()
            found, slowest_s = cut(Path(folder))
    finally:
        with suppress(subprocess.CalledProcessError):
            _run(f"ip netns del {_NAME}")
    sys.stdout.write(f"| network cut before a replica | {found.row()} |\n")
    sys.stdout.write(f"slowest call {slowest_s:.1f} s, while cut {_CUT_S:.0f} s\n")
    return int(not found.good or slowest_s > _CUT_S or found.healthy_s > HEALTHY_WITHIN_S)


if __name__ == "__main__":
    sys.exit(main())
