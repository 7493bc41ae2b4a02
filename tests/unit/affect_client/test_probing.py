"""A known clip's answer against the expected one."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from affect_client import AffectClient, wire
from affect_client.errors import UnreachableError
from affect_client.probing import Attempt, Expected, ProbeMetrics, attempt, certificate_expiry
from answers import answer
from peers import Peer, Peers, every_request
from programs import affect
from received import Received

CLIP = b"a clip"


def told(arousal: float = 0.1, faces: int = 1) -> wire.Prediction:
    made = answer([dict.fromkeys(range(faces), (1, 2, 30, 40))] * 3, duration_s=1)
    frames = [
        frame.model_copy(
            update={"faces": [f.model_copy(update={"arousal": arousal}) for f in frame.faces]}
        )
        for frame in made.frames
    ]
    return made.model_copy(update={"frames": frames})


def served(prediction: wire.Prediction) -> Peers:
    def behave(peer: Peer, request: Received) -> None:
        peer.answer(prediction.model_dump(mode="json"))

    return Peers(every_request(behave))


def test_distance_is_the_largest_share_of_the_scale() -> None:
    expected = Expected.of(CLIP, told(0.1))
    assert expected.distances(told(0.1)) == {"arousal": 0, "valence": 0}
    assert expected.distances(told(0.5))["arousal"] == pytest.approx(0.2)
    assert expected.distances(told(0.5))["valence"] == 0


def test_other_faces_and_other_frames_are_the_whole_scale_away() -> None:
    expected = Expected.of(CLIP, told())
    fewer = told().model_copy(update={"frames": told().frames[:2]})
    for other in (told(faces=0), told(faces=2), fewer):
        assert expected.distances(other) == {"arousal": 1, "valence": 1}


def test_an_expected_answer_is_its_clip_s(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    path.write_text(Expected.of(CLIP, told()).model_dump_json())
    assert Expected.read(path, CLIP).distances(told()) == {"arousal": 0, "valence": 0}
    with pytest.raises(ValueError, match="another clip's"):
        Expected.read(path, b"another")
    path.write_text("{}")
    with pytest.raises(ValueError, match="no expected answer"):
        Expected.read(path, CLIP)


def test_metrics_of_attempts() -> None:
    registry = CollectorRegistry()
    metrics = ProbeMetrics(registry, 0.05)
    text = generate_latest(registry).decode()
    assert "affect_probe_certificate" not in text
    assert "affect_probe_distance_ratio{" not in text
    metrics.note(Attempt(0.2, {"arousal": 0.3, "valence": 0.0}))
    metrics.note(Attempt(0.2, None, UnreachableError()))
    metrics.note_certificate(1e9)
    text = generate_latest(registry).decode()
    for line in (
        'affect_probe_distance_ratio{output="arousal"} 0.3',
        'affect_probe_attempts_total{outcome="ok"} 1.0',
        'affect_probe_attempts_total{outcome="UnreachableError"} 1.0',
        "affect_probe_success 0.0",
        "affect_probe_tolerance_ratio 0.05",
        "affect_probe_seconds_count 2.0",
        "affect_probe_certificate_expiry_timestamp_seconds 1e+09",
    ):
        assert line in text


def test_an_attempt_says_when_another_model_answered() -> None:
    other = told().model_copy(update={"model": told().model.model_copy(update={"weights": "x"})})
    with served(other) as server, AffectClient(base_url=server.url) as client:
        tried = attempt(client, CLIP, Expected.of(CLIP, told()))
    assert tried.other_weights
    assert tried.error is None


def test_no_certificate_where_there_is_no_https() -> None:
    assert certificate_expiry("http://127.0.0.1:1") is None
    assert certificate_expiry("https://127.0.0.1:1") is None


def test_learn_then_compare(tmp_path: Path) -> None:
    clip, known = tmp_path / "clip.mp4", tmp_path / "known.json"
    clip.write_bytes(CLIP)
    with served(told(0.1)) as server:
        assert affect("learn", clip, known, url=server.url).status == 0
        right = affect("compare", clip, known, url=server.url)
    with served(told(0.9)) as server:
        wrong = affect("compare", clip, known, url=server.url)
        near = affect("compare", clip, known, "--tolerance", 0.5, url=server.url)
    assert (right.status, near.status, wrong.status) == (0, 0, 5)
    assert "distance arousal 0.4000" in wrong.out
    assert "not the expected one" in wrong.err


def test_a_clip_without_a_face_teaches_nothing(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(CLIP)
    with served(told(faces=0)) as server:
        done = affect("learn", clip, tmp_path / "k", url=server.url)
    assert done.status == 1
    assert not (tmp_path / "k").exists()


@pytest.mark.parametrize("listen", ["9188x", "here:", ":", "[::1]"])
def test_an_address_that_is_none(listen: str, tmp_path: Path) -> None:
    clip, known = tmp_path / "clip.mp4", tmp_path / "known.json"
    clip.write_bytes(CLIP)
    with served(told(0.1)) as server:
        assert affect("learn", clip, known, url=server.url).status == 0
        done = affect("probe", clip, known, "--listen", listen, url=server.url)
    assert (done.status, "HOST:PORT" in done.err) == (2, True)


def test_another_clip_has_another_answer(tmp_path: Path) -> None:
    clip, other, known = (tmp_path / name for name in ("clip.mp4", "other.mp4", "known.json"))
    clip.write_bytes(CLIP)
    other.write_bytes(CLIP + b"\0")
    with served(told(0.1)) as server:
        assert affect("learn", clip, known, url=server.url).status == 0
        for command in ("compare", "probe"):
            assert affect(command, other, known, url=server.url).status == 2
