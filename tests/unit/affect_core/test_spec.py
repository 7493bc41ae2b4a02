from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from affect_core.spec import (
    ArchitectureSpec,
    ConvLSTMSpec,
    ModelSpec,
    PreprocessSpec,
    Provenance,
)

PROVENANCE = Provenance(trained_on="nothing")

preprocessing = st.builds(
    PreprocessSpec,
    sample_fps=st.floats(0, 30, exclude_min=True),
    detector=st.sampled_from(["libfacedetection", "haar", "yunet"]),
    detector_long_side=st.integers(32, 960),
    detector_min_score=st.floats(0, 1),
    track_min_iou=st.floats(0, 1, exclude_min=True),
    track_max_gap_s=st.floats(0, 1e6),
    box_smoothing_s=st.floats(0, 1e6),
    crop_margin=st.floats(0, 1),
    crop_size=st.integers(1, 16).map(lambda maps: 32 * maps),
)
architectures = st.builds(
    ArchitectureSpec,
    temporal=st.builds(
        ConvLSTMSpec,
        hidden_channels=st.lists(st.integers(1, 64), min_size=1, max_size=4).map(tuple),
        kernel_size=st.integers(0, 5).map(lambda half: 2 * half + 1),
        pool_size=st.integers(1, 9),
        head_features=st.lists(st.integers(1, 64), max_size=3).map(tuple),
    ),
)
specs = st.builds(
    ModelSpec,
    name=st.sampled_from(["affect", "a", "affect-2", "x--9"]),
    version=st.sampled_from(["1.0", "0", "10.02.3"]),
    preprocess=preprocessing,
    architecture=architectures,
    provenance=st.builds(
        Provenance,
        trained_on=st.text(min_size=1, max_size=20),
        versions=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    ),
)


@settings(max_examples=40)
@given(spec=specs)
def test_a_spec_comes_back_from_json_as_it_was(spec: ModelSpec) -> None:
    assert ModelSpec.model_validate_json(spec.model_dump_json()) == spec


def test_the_defaults_are_the_paper_s() -> None:
    spec = ModelSpec(provenance=PROVENANCE)
    assert spec.preprocess.sample_fps == 5.0
    assert spec.preprocess.crop_size == 224
    assert spec.preprocess.mean == (0.485, 0.456, 0.406)
    assert spec.preprocess.std == (0.229, 0.224, 0.225)
    temporal = spec.architecture.temporal
    assert isinstance(temporal, ConvLSTMSpec)
    assert (temporal.hidden_channels, temporal.kernel_size, temporal.pool_size) == (
        (32, 16, 8),
        7,
        4,
    )
    assert spec.architecture.name == "vgg19-convlstm"
    assert spec.format_version == 1


@pytest.mark.parametrize(
    "model", [PreprocessSpec, ConvLSTMSpec, ArchitectureSpec, Provenance, ModelSpec]
)
def test_an_unknown_field_is_refused_at_every_level(model: type[BaseModel]) -> None:
    known = {"trained_on": "x"} if model is Provenance else {}
    if model is ModelSpec:
        known = {"provenance": PROVENANCE}  # type: ignore[dict-item]
    model.model_validate(known)
    with pytest.raises(ValidationError, match="novelty"):
        model.model_validate({**known, "novelty": 1})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sample_fps", 0),
        ("sample_fps", 30.1),
        ("sample_fps", math.nan),
        ("sample_fps", math.inf),
        ("detector", "mtcnn"),
        ("detector_long_side", 31),
        ("detector_long_side", 961),
        ("detector_min_score", 1.1),
        ("track_min_iou", 0),
        ("track_max_gap_s", -0.1),
        ("track_max_gap_s", math.nan),
        ("box_smoothing_s", -1),
        ("crop_margin", -0.1),
        ("crop_margin", 1.1),
        ("crop_size", 0),
        ("crop_size", 544),
        ("mean", (0.5, 0.5)),
        ("std", (0.5, 0.5, 0.5, 0.5)),
        *(
            pytest.param(
                field,
                value,
            )
            for field, value in [
                ("std", (0.2, 0.0, 0.2)),
                ("std", (0.2, -0.2, 0.2)),
                ("mean", (math.nan, 0.5, 0.5)),
            ]
        ),
    ],
)
def test_preprocessing_that_cannot_work_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        PreprocessSpec.model_validate({field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden_channels", ()),
        ("kernel_size", 0),
        ("kernel_size", 6),
        ("kernel_size", -1),
        ("pool_size", 0),
        *(
            pytest.param(
                field,
                value,
            )
            for field, value in [
                ("hidden_channels", (8, 0)),
                ("hidden_channels", (-1,)),
                ("head_features", (0,)),
            ]
        ),
    ],
)
def test_layers_that_cannot_be_built_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        ConvLSTMSpec.model_validate({field: value})


@pytest.mark.parametrize("version", ["", "1.", ".1", "v1", "1.0-beta", "1 "])
def test_a_version_is_numbers_and_dots(version: str) -> None:
    with pytest.raises(ValidationError, match="version"):
        ModelSpec(version=version, provenance=PROVENANCE)


@pytest.mark.parametrize("name", ["", "Affect", "1st", "a/b", "../a", "a b", "a.b"])
def test_a_name_is_fit_for_a_file_and_a_url(name: str) -> None:
    with pytest.raises(ValidationError, match="name"):
        ModelSpec(name=name, provenance=PROVENANCE)


def test_a_model_that_does_not_say_what_it_learned_from_is_refused() -> None:
    with pytest.raises(ValidationError, match="provenance"):
        ModelSpec.model_validate({})
    with pytest.raises(ValidationError, match="trained_on"):
        Provenance(trained_on="")


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ModelSpec(provenance=PROVENANCE).name = "other"
