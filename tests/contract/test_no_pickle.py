"""From an archive to an answer nothing is unpickled: Python itself says so when it happens."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import clips
from affect_core.contents import write_contents
from affect_core.errors import SpecError
from affect_serving.archives import check_archives
from affect_serving.processes import ServerError
from repacked import repack
from worker import build_context

# An audit hook cannot be taken away again, so it gets a process of its own. Python reports every
# name that a pickle asks for, from C too (pickle.find_class), and every code object that is
# unmarshalled from anywhere but a .pyc of its own import system (marshal.loads).
SCRIPT = """
import json, pickle, sys, traceback
from pathlib import Path
import affect_handler, affect_serving.service, torch
from worker import build_context, post_together

asked = []
def watch(event, arguments):
    if event == "pickle.find_class":
        asked.append([f"{arguments[0]}.{arguments[1]}", traceback.format_stack()[-6:]])
sys.addaudithook(watch)
pickle.loads(pickle.dumps(Path))
control = [name for name, _ in asked]
asked.clear()
context = build_context(Path(sys.argv[1]), Path(sys.argv[2]))
handler = affect_handler.AffectHandler()
handler.initialize(context)
loaded = list(asked)
(answer,) = post_together(handler, context, [{"data": bytearray(Path(sys.argv[3]).read_bytes())}])
print(json.dumps({"control": control, "loaded": loaded, "status": answer.status}), flush=True)
import os
os._exit(0)
"""


class Bomb:
    """Runs code where it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('it went off')",)


def test_loading_a_model_and_answering_a_clip_unpickles_nothing(
    unpacked: Path, small_store: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "clip"
    clip.write_bytes(clips.portrait_pan(0.4))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(unpacked), str(small_store), str(clip)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["control"] == ["pathlib.Path"]
    assert told["loaded"] == []
    assert told["status"] in {None, 200}


@pytest.mark.parametrize("name", ["weights.safetensors", "spec.json", "engines.json"])
def test_a_pickle_in_place_of_a_file_is_refused_and_not_run(
    name: str, small_store: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(small_store / "affect.mar") as archive:
        archive.extractall(tmp_path)
    bomb = pickle.dumps(Bomb())
    with pytest.raises(SystemExit, match="it went off"):
        pickle.loads(bomb)  # noqa: S301
    (tmp_path / name).write_bytes(bomb)
    write_contents(tmp_path)
    from affect_handler import AffectHandler

    with pytest.raises(SpecError, match=name):
        AffectHandler().initialize(build_context(tmp_path, small_store))


def test_a_pickle_under_a_name_of_its_own_does_not_reach_torchserve(
    small_store: Path, tmp_path: Path
) -> None:
    (tmp_path / "affect.mar").write_bytes((small_store / "affect.mar").read_bytes())
    repack(tmp_path / "affect.mar", {"model.pt": pickle.dumps(Bomb())})
    with pytest.raises(ServerError, match=r"model\.pt"):
        check_archives(tmp_path, ["affect.mar"])
