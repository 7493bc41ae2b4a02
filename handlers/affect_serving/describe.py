"""Requests that ask what the model is, and the one that TorchServe cannot stop asking.

`POST /predictions/<model>` with the header `describe: True` asks. TorchServe marks its own
`GET /models/<model>?customized=true` so; under continuous batching 0.12.0 puts that request back
into its queue as it takes it out, and hands it over for ever: nothing else is served any more. The
only way out is to end TorchServe, for whoever watches over it to start it again.
"""

from __future__ import annotations

import logging
import os
import signal
from typing import Any

from affect_client import wire
from affect_serving import edge

_log = logging.getLogger(__name__)


class Describing:
    """Answers with the model's description.

    Args:
        description: of the model on this worker.
    """

    def __init__(self, description: wire.ModelDescription) -> None:
        self._text = description.model_dump_json()
        self._last = ""

    def wanted(self, context: Any, position: int) -> bool:
        """Whether a request asks. Anyone can: it must not change the answers of others."""
        return edge.header(context, position, "describe").lower() == "true"

    def answer(self, context: Any, position: int) -> str:
        """The description, as JSON; ends TorchServe where it asks a second time."""
        request = context.get_request_id(position)
        if request == self._last:
            _log.error(
                "TorchServe is ended: it asks for ever what the model is, which 0.12.0 does after "
                "GET /models/...?customized=true. Ask with the header 'describe: True' instead."
            )
            os.kill(os.getppid(), signal.SIGTERM)
        self._last = request
        return self._text
