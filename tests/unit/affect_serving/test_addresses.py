"""Where TorchServe listens, and its configuration for a model store that has moved."""

from __future__ import annotations

from pathlib import Path

from affect_serving.addresses import Addresses
from affect_serving.configuration import relocated

WRITTEN = """# A comment: model_store=stays
inference_address=http://127.0.0.1:8080
model_store=/home/me/old
allowed_urls=file:///home/me/old/.*
max_request_size=268435456
vmargs=-Dlog4j.configurationFile=file:///home/me/old/log4j2.xml
metrics_config=/home/me/old/metrics.yaml
"""


def test_everything_is_on_loopback_unless_told_otherwise() -> None:
    here = Addresses(9000)
    assert {host for host, _ in here.listened} == {"127.0.0.1"}
    assert [port for _, port in here.listened] == [9000, 9001, 9002, 9003, 9004]
    assert here.environment["TS_INFERENCE_ADDRESS"] == here.inference_url == here.torchserve_url


def test_management_stays_on_loopback_whatever_the_host() -> None:
    for door in (False, True):
        everywhere = Addresses(9000, "0.0.0.0", door=door)  # noqa: S104
        environment = everywhere.environment
        assert environment["TS_MANAGEMENT_ADDRESS"] == "http://127.0.0.1:9001"
        assert environment["TS_METRICS_ADDRESS"] == "http://0.0.0.0:9002"
        assert everywhere.inference_url == "http://127.0.0.1:9000"


def test_behind_a_door_torchserve_is_on_loopback() -> None:
    behind = Addresses(9000, "10.0.0.7", door=True)
    assert behind.environment["TS_INFERENCE_ADDRESS"] == "http://127.0.0.1:9005"
    assert ("10.0.0.7", 9000) in behind.listened
    assert ("127.0.0.1", 9005) in behind.listened
    assert behind.inference_url == "http://10.0.0.7:9000"


def test_four_lines_follow_the_model_store_and_no_other() -> None:
    lines = relocated(WRITTEN, Path("/new place/ü")).splitlines()
    assert lines == [
        "# A comment: model_store=stays",
        "inference_address=http://127.0.0.1:8080",
        "model_store=/new place/\\u00fc",
        "allowed_urls=file:///new\\\\ place/\\u00fc/.*",
        "max_request_size=268435456",
        "vmargs=-Dlog4j.configurationFile=file:///new%20place/%C3%BC/log4j2.xml",
        "metrics_config=/new place/\\u00fc/metrics.yaml",
    ]


def test_what_export_writes_is_written_alike(tmp_path: Path) -> None:
    from affect_training.export import write_configuration

    store = tmp_path / "a store"
    store.mkdir()
    write_configuration(store, ["affect.mar"])
    text = (store / "config.properties").read_text()
    assert relocated(text, store.resolve()) == text
