"""A checkpoint -> a model store: the archive and the configuration TorchServe starts with.

The archive holds data and the thin handler. Code of ours stays out of it: TorchServe puts an
archive's folder before site-packages, where a copy would shadow the installed version.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from model_archiver.model_archiver_config import ModelArchiverConfig
from model_archiver.model_packaging_utils import ModelExportUtils

from affect_core.checkpoint import (
    GRAPH_FILE,
    SPEC_FILE,
    WEIGHTS_FILE,
    save_checkpoint,
    sha256_of,
)
from affect_core.contents import (
    CONFIG_FILE,
    CONTENTS_FILE,
    DIGESTS_FILE,
    HANDLER_MODULE,
    installed_handler,
    write_contents,
)
from affect_core.drift import REFERENCE_FILE, OutputReference
from affect_core.engine_plan import PLAN_FILE, EnginePlan
from affect_core.model import AffectModel
from affect_core.model_store import relocated
from affect_core.spec import GraphSpec, ModelSpec
from affect_training.card import CARD_FILE

_CONFIG_OF_SUFFIX: Final = {"": CONFIG_FILE, "-live": "model-config-live.yaml"}
"""The archives of a model by what follows its name, and what TorchServe is to do with each."""
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The zip format's earliest date: an archive's bytes depend on its contents alone."""


def export_archive(
    model: AffectModel,
    spec: ModelSpec,
    card: str,
    model_store: Path,
    plan: EnginePlan | None = None,
    *,
    reference: OutputReference | None = None,
) -> Path:
    """Write `<name>.mar`, `<name>-live.mar` and what goes with them into `model_store`.

    Both hold the same model; the second serves live sessions, which TorchServe decides by a
    file in the archive. The model card lies in each, and beside them for reading. Without a
    plan CPUs compute in float32; without a reference the service measures no drift. The same
    arguments give the same archives, byte for byte. An archive that is being served is replaced
    in one step.

    Returns:
        The first archive's path.
    """
    model_store.mkdir(parents=True, exist_ok=True)
    names = {f"{spec.name}{suffix}": config for suffix, config in _CONFIG_OF_SUFFIX.items()}
    with tempfile.TemporaryDirectory(dir=model_store, prefix=".export-") as folder:
        content = Path(folder) / "content"
        save_checkpoint(content, model, spec)
        (content / f"{HANDLER_MODULE}.py").write_bytes(installed_handler())
        (content / CARD_FILE).write_text(card, encoding="utf-8")
        plan = plan or EnginePlan(weights_sha256=sha256_of(content / WEIGHTS_FILE))
        (content / PLAN_FILE).write_text(plan.model_dump_json(indent=2) + "\n", encoding="utf-8")
        if reference is not None:
            text = reference.model_dump_json(indent=2) + "\n"
            (content / REFERENCE_FILE).write_text(text, encoding="utf-8")
        (content / "MAR-INF").mkdir()
        manifest = content / "MAR-INF" / "MANIFEST.json"
        for name, config in names.items():
            manifest.write_text(
                _manifest(spec, name, with_reference=reference is not None), encoding="utf-8"
            )
            (content / CONFIG_FILE).write_bytes(_template(config).encode())
            write_contents(content)
            _zip(content, Path(folder) / f"{name}.mar")
        for name in names:
            (Path(folder) / f"{name}.mar").replace(model_store / f"{name}.mar")
    (model_store / CARD_FILE).write_text(card, encoding="utf-8")
    archives = [f"{name}.mar" for name in names]
    write_digests(model_store, archives)
    write_configuration(model_store, archives)
    return model_store / f"{spec.name}.mar"


def write_digests(model_store: Path, archives: Sequence[str]) -> None:
    """Write the archives' SHA-256 digests, for `sha256sum -c` and for the server."""
    lines = [f"{sha256_of(model_store / name)}  {name}\n" for name in archives]
    (model_store / DIGESTS_FILE).write_text("".join(lines), encoding="utf-8")


def write_configuration(model_store: Path, archives: Sequence[str]) -> None:
    """Write `config.properties`, `metrics.yaml` and `log4j2.xml` for this folder."""
    text = _template("config.properties").replace("@ARCHIVES@", ",".join(archives))
    text = relocated(text, model_store.resolve())
    (model_store / "config.properties").write_text(text, encoding="utf-8")
    for name in ("metrics.yaml", "log4j2.xml"):
        (model_store / name).write_text(_template(name), encoding="utf-8")


def _manifest(spec: ModelSpec, name: str, *, with_reference: bool) -> str:
    """TorchServe's manifest by its own archiver, without the time of day."""
    extra = [
        CONTENTS_FILE,
        SPEC_FILE,
        PLAN_FILE,
        CARD_FILE,
        *([REFERENCE_FILE] if with_reference else []),
    ]
    if isinstance(spec.architecture.backbone, GraphSpec):
        extra.append(GRAPH_FILE)
    config = ModelArchiverConfig(
        model_name=name,
        handler=f"{HANDLER_MODULE}.py",
        version=spec.version,
        serialized_file=WEIGHTS_FILE,
        extra_files=",".join(extra),
        config_file=CONFIG_FILE,
    )
    manifest = json.loads(ModelExportUtils.generate_manifest_json(config))
    manifest["createdOn"] = "01/01/1980 00:00:00"
    return json.dumps(manifest, indent=2, sort_keys=True) + "\n"


def _zip(content: Path, target: Path) -> None:
    """Uncompressed, sorted, with one fixed date and mode: weights do not compress."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(p for p in content.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(content).as_posix(), _EPOCH)
            entry.external_attr = 0o644 << 16
            with file.open("rb") as source, archive.open(entry, "w", force_zip64=True) as sink:
                while block := source.read(1 << 20):
                    sink.write(block)


def _template(name: str) -> str:
    return (resources.files("affect_training") / "torchserve" / name).read_text(encoding="utf-8")
