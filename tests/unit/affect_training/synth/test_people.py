from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from affect_training.synth.attributes import Attributes, Beard, Headwear
from affect_training.synth.config import SynthConfig
from affect_training.synth.expression import UNITS
from affect_training.synth.person import resting_face
from affect_training.synth.phenotypes import LABELS, VARIATIONS, shape_weights
from affect_training.synth.skin import skin_tone

MIDDLING = {name: 0.5 for name in VARIATIONS if name != "race"}


def test_people_of_many_draws_are_varied() -> None:
    people = [Attributes.draw(np.random.default_rng(seed)) for seed in range(400)]
    assert 0.4 < np.mean([person.female for person in people]) < 0.6
    assert np.histogram([person.age for person in people], 4, (18, 85))[0].min() > 70
    assert np.histogram([person.skin for person in people], 4, (0, 1))[0].min() > 70
    assert 0.15 < np.mean([person.glasses.value != "none" for person in people]) < 0.4
    assert {person.beard for person in people} == set(Beard)
    assert {person.headwear for person in people} == set(Headwear)
    assert all(person.beard is Beard.NONE for person in people if person.female)


def test_a_seed_gives_the_same_person() -> None:
    assert Attributes.draw(np.random.default_rng(5)) == Attributes.draw(np.random.default_rng(5))


def test_skin_darkens_steadily() -> None:
    tones = np.array([skin_tone(share) for share in np.linspace(0, 1, 50)])
    assert (np.diff(tones, axis=0) < 0).all()
    assert (tones[:, 0] > tones[:, 1]).all()
    assert (tones[:, 1] > tones[:, 2]).all()


@given(st.integers(0, 2**32 - 1))
def test_a_resting_face_is_slight(seed: int) -> None:
    resting = resting_face(np.random.default_rng(seed))
    assert resting.shape == (52,)
    assert (resting >= 0).all()
    assert resting.max() < 0.65


def test_resting_faces_lean_towards_sternness() -> None:
    mean = np.mean([resting_face(np.random.default_rng(seed)) for seed in range(200)], axis=0)
    by_name = dict(zip(UNITS, mean, strict=True))
    assert by_name["mouthFrownLeft"] > 2 * by_name["mouthSmileLeft"]
    assert by_name["browDownLeft"] > 2 * by_name["browInnerUp"]


def only(*names: str) -> NDArray[np.float32]:
    return np.array([[float(label in names) for label in LABELS]], dtype=np.float32)


def test_shapes_weigh_what_they_stand_for() -> None:
    race = np.array([0.2, 0.3, 0.5])
    assert shape_weights(only("asian"), race, MIDDLING) == pytest.approx([0.3])
    # 0.5 lies halfway between child (1/3) and young (2/3).
    assert shape_weights(only("asian", "young"), race, MIDDLING) == pytest.approx([0.15])
    assert shape_weights(only("old"), race, MIDDLING) == pytest.approx([0])
    assert shape_weights(only("averageweight"), race, MIDDLING) == pytest.approx([1])
    assert shape_weights(only(), race, MIDDLING) == pytest.approx([1])


@given(st.floats(-1 / 3, 1))
def test_a_phenotype_is_shared_out_in_full(age: float) -> None:
    ages = [only(name) for name in VARIATIONS["age"]]
    weights = shape_weights(np.concatenate(ages), np.ones(3) / 3, MIDDLING | {"age": age})
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()


def test_clips_have_names_of_their_own() -> None:
    config, other = SynthConfig(people=3, clips_per_person=2), SynthConfig(people=3, seed=1)
    names = [config.clip_name(person, clip) for person in range(3) for clip in range(2)]
    assert len(set(names)) == config.clips == 6
    assert names == sorted(names)
    assert other.subject(0) != config.subject(0)


@pytest.mark.parametrize("wrong", [{"people": 0}, {"fps": 0}, {"size": 97}, {"colour": "blue"}])
def test_a_configuration_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SynthConfig.model_validate(wrong)
