"""One line of JSON for each clip and each request of a live session.

It says which request, how it ended, how long it took, how large it was and what answered. Never a
name of a file or session, never pixels, never arousal or valence.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from importlib.metadata import version
from typing import Final, Literal

from affect_serving.account import Account
from affect_serving.served import ServedModel

_log = logging.getLogger(__name__)

Event = Literal["clip", "live"]
_DIGITS: Final = 4


class ClipLog:
    """Writes the lines of one worker.

    Args:
        event: what its lines are about.
        model: what answers.
    """

    def __init__(self, event: Event, model: ServedModel) -> None:
        self._event = event
        self._versions = {
            "affectline": version("affectline"),
            "model": f"{model.info.name} {model.info.version}",
            "weights": model.info.weights,
            "precision": model.description.precision,
        }

    def write(self, account: Account, outcome: str) -> None:
        """A line about a request whose account is closed.

        Args:
            account: of the request.
            outcome: `ok`, a problem's code, or `client_gone`.
        """
        origin, stages = account.origin, account.stage_seconds()
        if account.stages is not None:
            stages = {"queue": account.stages.queue, **stages}
        # `event` comes first: TorchServe's log configuration knows the line by it.
        line = {
            "event": self._event,
            "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "request_id": origin.request,
            "gateway_request_id": origin.gateway_request,
            "trace_id": origin.trace,
            "span_id": origin.span,
            "outcome": outcome,
            "seconds": {
                **{name: round(seconds, _DIGITS) for name, seconds in stages.items()},
                "total": round(account.total_s, _DIGITS),
            },
            "body_bytes": account.body_bytes,
            "answer_bytes": account.answer_bytes,
            "clip_s": account.clip_s,
            "width": account.width,
            "height": account.height,
            "samples": account.samples,
            "faces": account.faces,
            "versions": self._versions,
        }
        _log.info("%s", json.dumps(line, separators=(",", ":")))
