"""Whether a clip would be answered: `python -m affect_serving.health`, 0 for yes.

The inference port must answer, by the way that clients take, and every model must have a worker
that is ready. Nothing is asked of the workers themselves: one that is busy with long clips would
answer late, and busy is not ill. Nothing but the standard library is loaded, since this runs
every few seconds beside the model.
"""

from __future__ import annotations

import os
import sys
from typing import Final

from affect_serving.this_machine import get_json

_TIMEOUT_S: Final = 4.0
_HERE: Final = "127.0.0.1"


def check(port: int, host: str = _HERE) -> str | None:
    """What is wrong, as a sentence; None where a clip would be answered.

    Args:
        port: inference; management is the next one, on loopback.
        host: by which inference is reached.
    """
    try:
        get_json(f"http://{host}:{port}/ping", _TIMEOUT_S)
        management = f"http://{_HERE}:{port + 1}/models"
        names = [model["modelName"] for model in get_json(management, _TIMEOUT_S)["models"]]
        for name in names:
            workers = get_json(f"{management}/{name}", _TIMEOUT_S)[0]["workers"]
            if not any(worker["status"] == "READY" for worker in workers):
                return f"{name} has no worker that is ready."
    except (OSError, ValueError, TypeError, LookupError) as error:
        return f"{type(error).__name__}: {error}"
    return None if names else "No model is loaded."


def main() -> int:
    """Check the service that `AFFECT_PORT` and `AFFECT_HOST` describe."""
    host = os.environ.get("AFFECT_HOST", _HERE)
    anywhere = host in {"", "0.0.0.0"}  # noqa: S104
    wrong = check(int(os.environ.get("AFFECT_PORT", "8080")), _HERE if anywhere else host)
    sys.stdout.write(f"{wrong or 'A clip would be answered.'}\n")
    return int(wrong is not None)


if __name__ == "__main__":
    sys.exit(main())
