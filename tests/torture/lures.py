"""What hostile clips point to: an address and a file that tell when they are touched."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

from inotify_simple import INotify, flags

from torture.corpus.references import Lures
from torture.corpus.written import written


class WatchedLures:
    """A server on loopback that must get no request, and a clip that nobody must open.

    Args:
        folder: an empty one, for the clip.
    """

    def __init__(self, folder: Path) -> None:
        canary = folder / "canary.mp4"
        canary.write_bytes(written("mp4", "mpeg4"))
        self.requests: list[str] = []
        """Lines of HTTP's requests."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._notify = INotify()
        self._notify.add_watch(folder, flags.OPEN | flags.ACCESS)
        port = self._server.server_address[1]
        self.lures = Lures(f"http://127.0.0.1:{port}", str(canary))

    def __enter__(self) -> WatchedLures:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._notify.close()

    def opened(self) -> list[str]:
        """Names in the folder that were opened or read since the last call."""
        return [event.name for event in self._notify.read(timeout=200)]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def handle(self) -> None:
                requests.append(self.rfile.readline(1000).decode("latin-1").strip())

        return Handler
