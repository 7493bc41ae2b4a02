"""TorchServe's configuration for a model store that has moved."""

from __future__ import annotations

from pathlib import Path

from affect_core.model_store import relocated

HEAP = "-Xms256m -XX:+AlwaysPreTouch"
WRITTEN = """# A comment: model_store=stays
inference_address=http://127.0.0.1:8080
model_store=/home/me/old
allowed_urls=file:///home/me/old/.*
max_request_size=268435456
vmargs=-Dlog4j.configurationFile=file:///home/me/old/log4j2.xml
metrics_config=/home/me/old/metrics.yaml
"""


def test_four_lines_follow_the_model_store_and_no_other() -> None:
    lines = relocated(WRITTEN, Path("/new place/ü")).splitlines()
    assert lines == [
        "# A comment: model_store=stays",
        "inference_address=http://127.0.0.1:8080",
        "model_store=/new place/\\u00fc",
        "allowed_urls=file:///new\\\\ place/\\u00fc/.*",
        "max_request_size=268435456",
        f"vmargs=-Dlog4j.configurationFile=file:///new%20place/%C3%BC/log4j2.xml {HEAP}",
        "metrics_config=/new place/\\u00fc/metrics.yaml",
    ]
