"""Who a synthetic person is: attributes drawn from a seed, recorded with every clip."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

import numpy as np

Colour = tuple[float, float, float]
"""R, G, B in linear light, each in [0, 1]."""


class Haircut(str, Enum):
    """How the hair of the head is worn."""

    BALD = "bald"
    BUZZ = "buzz"
    SHORT = "short"
    MEDIUM = "medium"
    LONG = "long"
    FRINGE = "fringe"
    TIED = "tied"
    CURLY = "curly"


class Beard(str, Enum):
    """Hair of the lower face."""

    NONE = "none"
    STUBBLE = "stubble"
    MOUSTACHE = "moustache"
    GOATEE = "goatee"
    FULL = "full"


class Glasses(str, Enum):
    """What is worn before the eyes; dark lenses are left out, for they hide the label."""

    NONE = "none"
    THIN = "thin"
    THICK = "thick"
    RIMLESS = "rimless"


class Headwear(str, Enum):
    """What covers the hair."""

    NONE = "none"
    CAP = "cap"
    BEANIE = "beanie"
    SCARF = "scarf"


HAIR_COLOURS: Final[dict[str, Colour]] = {
    "black": (0.016, 0.013, 0.012),
    "dark brown": (0.045, 0.028, 0.02),
    "brown": (0.13, 0.07, 0.04),
    "blond": (0.36, 0.22, 0.11),
    "red": (0.18, 0.055, 0.02),
    "grey": (0.24, 0.23, 0.22),
    "white": (0.55, 0.54, 0.52),
}


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is recorded of a person beside the labels.

    `age` is in years, drawn evenly from 18 to 85; a reading of anny's age scale (0.62 to 1)
    rather than a measured age. `skin` is from the lightest, 0, to the darkest, 1.
    `female` is MakeHuman's gender slider beyond its middle.
    """

    age: float
    female: bool
    skin: float
    hair_colour: str
    haircut: Haircut
    beard: Beard
    glasses: Glasses
    headwear: Headwear
    make_up: bool

    def __post_init__(self) -> None:
        if not 18 <= self.age <= 85:
            raise ValueError(f"age {self.age} is outside 18 to 85")
        if not 0 <= self.skin <= 1:
            raise ValueError(f"skin {self.skin} is outside [0, 1]")
        if self.hair_colour not in HAIR_COLOURS:
            raise ValueError(f"no hair colour {self.hair_colour!r}")

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Attributes:
        """A random person. Skin is drawn evenly, so that no tone is rare."""
        age = float(rng.uniform(18, 85))
        female = bool(rng.random() < 0.5)
        skin = float(rng.random())
        headwear = _pick(rng, {Headwear.CAP: 0.05, Headwear.BEANIE: 0.05}, Headwear.NONE)
        if female and rng.random() < 0.1:
            headwear = Headwear.SCARF
        return cls(
            age=age,
            female=female,
            skin=skin,
            hair_colour=_hair_colour(rng, age, skin),
            haircut=_haircut(rng, age, skin, female=female),
            beard=Beard.NONE if female else _beard(rng),
            glasses=_pick(
                rng,
                {Glasses.THIN: 0.1, Glasses.THICK: 0.1, Glasses.RIMLESS: 0.06},
                Glasses.NONE,
            ),
            headwear=headwear,
            make_up=bool(female and rng.random() < 0.45),
        )

    def record(self) -> dict[str, str | float | bool]:
        """As columns of the manifest."""
        return {
            "age": round(self.age, 1),
            "gender": "female" if self.female else "male",
            "skin": round(self.skin, 3),
            "hair_colour": self.hair_colour,
            "haircut": self.haircut.value,
            "beard": self.beard.value,
            "glasses": self.glasses.value,
            "headwear": self.headwear.value,
            "make_up": self.make_up,
        }


ChoiceT = TypeVar("ChoiceT")


def _pick(rng: np.random.Generator, shares: dict[ChoiceT, float], otherwise: ChoiceT) -> ChoiceT:
    draw = rng.random()
    for choice, share in shares.items():
        if draw < share:
            return choice
        draw -= share
    return otherwise


def _hair_colour(rng: np.random.Generator, age: float, skin: float) -> str:
    if rng.random() < np.clip((age - 42) / 35, 0, 0.85):
        return "white" if age > 62 and rng.random() < 0.5 else "grey"
    if skin > 0.5:
        return _pick(rng, {"black": 0.8}, "dark brown")
    light = {"black": 0.25, "dark brown": 0.3, "brown": 0.22, "blond": 0.15}
    return _pick(rng, light, "red")


def _haircut(rng: np.random.Generator, age: float, skin: float, *, female: bool) -> Haircut:
    curls = 0.35 if skin > 0.6 else 0.08
    if female:
        shares = {
            Haircut.CURLY: curls,
            Haircut.SHORT: 0.1,
            Haircut.MEDIUM: 0.15,
            Haircut.FRINGE: 0.15,
            Haircut.TIED: 0.15,
        }
        return _pick(rng, shares, Haircut.LONG)
    bald = 0.08 + 0.25 * (age > 50)
    shares = {Haircut.BALD: bald, Haircut.BUZZ: 0.15, Haircut.CURLY: curls * 0.5}
    shares |= {Haircut.MEDIUM: 0.12, Haircut.LONG: 0.04, Haircut.FRINGE: 0.1}
    return _pick(rng, shares, Haircut.SHORT)


def _beard(rng: np.random.Generator) -> Beard:
    shares = {Beard.STUBBLE: 0.25, Beard.MOUSTACHE: 0.07, Beard.GOATEE: 0.08, Beard.FULL: 0.17}
    return _pick(rng, shares, Beard.NONE)
