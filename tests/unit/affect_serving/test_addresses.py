"""Where TorchServe listens."""

from __future__ import annotations

from affect_serving.addresses import Addresses


def test_everything_is_on_loopback_unless_told_otherwise() -> None:
    here = Addresses(9000)
    assert {host for host, _ in here.torchserve_listens} == {"127.0.0.1"}
    assert [port for _, port in here.torchserve_listens] == [9000, 9001, 9002, 9003, 9004]
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
    assert ("10.0.0.7", 9000) not in behind.torchserve_listens
    assert ("127.0.0.1", 9005) in behind.torchserve_listens
    assert behind.inference_url == "http://10.0.0.7:9000"
