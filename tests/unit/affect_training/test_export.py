from __future__ import annotations

import ast
import hashlib
import json
import re
import subprocess
import zipfile
from importlib import resources
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from affect_core.checkpoint import load_checkpoint
from affect_core.contents import check_folder
from affect_core.limits import Limits
from affect_core.model import AffectModel
from affect_core.spec import ModelSpec
from affect_serving.settings import ServingSettings
from affect_training import export
from affect_training.export import export_archive, write_configuration

HANDLER = "affect_handler.py"
CARD = "# What the model is\n"
CONTENT = {
    "weights.safetensors",
    "spec.json",
    "engines.json",
    "contents.json",
    "MODEL_CARD.md",
    "model-config.yaml",
    HANDLER,
    "MAR-INF/MANIFEST.json",
}


@pytest.fixture(scope="module")
def archive(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: AffectModel, tiny_spec: ModelSpec
) -> Path:
    store = tmp_path_factory.mktemp("store") / "not" / "there"
    return export_archive(tiny_model, tiny_spec, CARD, store)


@pytest.fixture(scope="module")
def live_archive(archive: Path) -> Path:
    return archive.parent / "affect-live.mar"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def java_properties(path: Path) -> dict[str, str]:
    """As java.util.Properties.load(InputStream) reads them: Latin-1, with escapes."""

    def unescaped(found: re.Match[str]) -> str:
        code = found[1]
        return chr(int(code[1:], 16)) if len(code) == 5 else code

    properties = {}
    for line in path.read_text(encoding="latin-1").splitlines():
        if line.strip() and not line.startswith("#"):
            key, _, value = line.partition("=")
            properties[key] = re.sub(r"\\(u[0-9a-fA-F]{4}|.)", unescaped, value)
    return properties


def test_the_same_model_gives_the_same_archive(
    archive: Path, tmp_path: Path, tiny_model: AffectModel, tiny_spec: ModelSpec
) -> None:
    again = export_archive(tiny_model, tiny_spec, CARD, tmp_path / "another place")
    assert sha256(again) == sha256(archive)
    assert again == tmp_path / "another place" / "affect.mar"
    assert sha256(again.parent / "affect-live.mar") == sha256(archive.parent / "affect-live.mar")


def test_the_live_archive_is_the_same_model_for_another_kind_of_batching(
    archive: Path, live_archive: Path, tiny_spec: ModelSpec
) -> None:
    with zipfile.ZipFile(archive) as one, zipfile.ZipFile(live_archive) as other:
        assert one.namelist() == other.namelist()
        differing = {name for name in one.namelist() if one.read(name) != other.read(name)}
        manifest = json.loads(other.read("MAR-INF/MANIFEST.json"))
        config = yaml.safe_load(other.read("model-config.yaml"))
        plain = yaml.safe_load(one.read("model-config.yaml"))
    assert differing == {"MAR-INF/MANIFEST.json", "model-config.yaml", "contents.json"}
    assert manifest["model"]["modelName"] == f"{tiny_spec.name}-live"
    assert (config["sequenceBatching"], plain["continuousBatching"]) == (True, True)


def test_torchserve_has_a_thread_for_each_live_session(live_archive: Path) -> None:
    with zipfile.ZipFile(live_archive) as packed:
        config = yaml.safe_load(packed.read("model-config.yaml"))
    # It starts batchSize + 1 threads, and one waits for each session's next request.
    assert config["batchSize"] > config["maxNumSequence"]
    assert config["sequenceMaxIdleMSec"] == 30_000
    assert config["responseTimeout"] > Limits().max_wall_s


def test_the_archive_holds_data_and_the_handler_and_nothing_else(archive: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        assert packed.testzip() is None
        assert sorted(packed.namelist()) == sorted(CONTENT)
        for entry in packed.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert entry.compress_type == zipfile.ZIP_STORED


def test_the_handler_file_has_exactly_one_class_and_imports_nothing_of_ours_at_once(
    archive: Path,
) -> None:
    with zipfile.ZipFile(archive) as packed:
        tree = ast.parse(packed.read(HANDLER))
    # TorchServe refuses a handler file with two classes, wherever they stand.
    classes = [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    assert classes == ["AffectHandler"]
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert "affect" not in ast.unparse(node)


def test_the_manifest_names_what_is_there_and_no_time_of_day(
    archive: Path, tiny_spec: ModelSpec
) -> None:
    with zipfile.ZipFile(archive) as packed:
        manifest = json.loads(packed.read("MAR-INF/MANIFEST.json"))
    model = manifest["model"]
    assert (model["modelName"], model["modelVersion"]) == (tiny_spec.name, tiny_spec.version)
    assert model["handler"] == HANDLER
    assert {model["handler"], model["serializedFile"], model["configFile"]} <= CONTENT
    assert manifest["createdOn"].startswith("01/01/1980")


def test_what_is_unpacked_is_the_checkpoint(
    archive: Path, tmp_path: Path, tiny_spec: ModelSpec
) -> None:
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path)
    assert load_checkpoint(tmp_path).spec == tiny_spec


def test_what_is_unpacked_has_the_digests_of_the_archive(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path)
    check_folder(tmp_path)
    told = json.loads((tmp_path / "contents.json").read_text())["files"]
    assert told == {name: sha256(tmp_path / name) for name in CONTENT - {"contents.json"}}


def test_the_store_s_digests_are_those_that_sha256sum_writes(archive: Path) -> None:
    names = ["affect.mar", "affect-live.mar"]
    command = ["sha256sum", *names]
    done = subprocess.run(command, cwd=archive.parent, capture_output=True, text=True, check=True)
    assert (archive.parent / "SHA256SUMS").read_text() == done.stdout


def test_a_store_holds_the_archive_and_what_torchserve_needs_beside_it(archive: Path) -> None:
    assert {path.name for path in archive.parent.iterdir()} == {
        "MODEL_CARD.md",
        "affect.mar",
        "affect-live.mar",
        "SHA256SUMS",
        "config.properties",
        "metrics.yaml",
        "log4j2.xml",
    }


def test_an_export_that_fails_leaves_the_old_archive_as_it_was(
    tmp_path: Path,
    tiny_model: AffectModel,
    tiny_spec: ModelSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "affect.mar").write_bytes(b"the old one")

    def disk_full(content: Path, target: Path) -> None:
        target.write_bytes(b"half of the new one")
        raise OSError("No space left on device")

    monkeypatch.setattr(export, "_zip", disk_full)
    with pytest.raises(OSError, match="No space left"):
        export_archive(tiny_model, tiny_spec, CARD, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["affect.mar"]
    assert (tmp_path / "affect.mar").read_bytes() == b"the old one"


def test_the_archive_is_named_after_the_model(
    tmp_path: Path, tiny_model: AffectModel, tiny_spec: ModelSpec
) -> None:
    named = tiny_spec.model_copy(update={"name": "faces"})
    assert export_archive(tiny_model, named, CARD, tmp_path).name == "faces.mar"
    properties = java_properties(tmp_path / "config.properties")
    assert properties["load_models"] == "faces.mar,faces-live.mar"


# config.properties, as TorchServe reads it.


def test_torchserve_serves_the_store_and_nothing_from_elsewhere(archive: Path) -> None:
    properties = java_properties(archive.parent / "config.properties")
    store = archive.parent.resolve()
    assert properties["model_store"] == str(store)
    assert properties["load_models"] == f"{archive.name},affect-live.mar"
    assert properties["metrics_config"] == f"{store}/metrics.yaml"
    assert properties["enable_model_api"] == "false"
    assert properties["install_py_dep_per_model"] == "false"
    for address in ("inference_address", "management_address", "metrics_address"):
        assert properties[address].startswith("http://127.0.0.1:")
    assert "@" not in (archive.parent / "config.properties").read_text()


@pytest.mark.parametrize(
    "name",
    [
        "store",
        "my store",
        "v1.2+3 (copy) [x]{y}",
        "dollar$ and ^caret|bar",
        "modèle",
        "模型",
        "back\\slash",
    ],
)
def test_a_store_of_any_name_is_found_and_its_urls_alone_are_allowed(
    name: str, tmp_path: Path
) -> None:
    store = tmp_path / name
    store.mkdir()
    write_configuration(store, ["affect.mar"])
    properties = java_properties(store / "config.properties")
    assert properties["model_store"] == str(store)
    assert properties["metrics_config"] == str(store / "metrics.yaml")
    allowed = properties["allowed_urls"]
    assert re.fullmatch(allowed, f"file://{store}/affect.mar")
    for other in (
        f"file://{store}x/affect.mar",
        f"file://{store.parent}/affect.mar",
        f"file://{str(store).replace('-', '.')[:-1]}_/affect.mar",
        "https://example.org/affect.mar",
        f"https://example.org/{store}/affect.mar",
    ):
        assert not re.fullmatch(allowed, other)


@pytest.mark.parametrize(
    "name",
    [
        "store",
        "my store",
    ],
)
def test_the_jvm_gets_an_argument_that_names_the_log_configuration(
    name: str, tmp_path: Path
) -> None:
    store = tmp_path / name
    store.mkdir()
    write_configuration(store, ["affect.mar"])
    lines = (store / "config.properties").read_text(encoding="utf-8").splitlines()
    (value,) = (line.partition("=")[2] for line in lines if line.startswith("vmargs="))
    (named,) = (one for one in value.split() if one.startswith("-Dlog4j.configurationFile="))
    assert not any(one.startswith("-D") for one in value.split() if one != named)
    url = urlsplit(named.partition("=")[2])
    assert (url.scheme, url.netloc) == ("file", "")
    assert Path(unquote(url.path)) == store / "log4j2.xml"
    assert (store / "log4j2.xml").is_file()


# Numbers that several rooms must agree on.


def test_the_front_end_accepts_as_large_a_body_as_the_service_and_no_larger(archive: Path) -> None:
    properties = java_properties(archive.parent / "config.properties")
    assert int(properties["max_request_size"]) == ServingSettings().max_body_bytes


def test_a_worker_is_not_killed_before_its_batch_s_own_deadline() -> None:
    template = resources.files("affect_training") / "torchserve" / "model-config.yaml"
    config = yaml.safe_load(template.read_text(encoding="utf-8"))
    assert config["responseTimeout"] > Limits().max_wall_s
    assert config["batchSize"] >= 1
