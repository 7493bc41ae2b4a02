"""One synthetic person: everything about them that no clip changes. A function of the seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affect_training.synth import atlas
from affect_training.synth.assets import Float32, Head
from affect_training.synth.attachment import Attachment
from affect_training.synth.attributes import Attributes, Haircut, Headwear
from affect_training.synth.canvas import Canvas, smoothstep
from affect_training.synth.expression import UNITS, FloatArray, columns
from affect_training.synth.facial_hair import (
    BEARD_STRANDS,
    Brows,
    grow_beard,
    grow_brows,
    paint_brows,
)
from affect_training.synth.hair import COMBS, Hairline, grow_hair, paint_scalp
from affect_training.synth.parts import paint_parts
from affect_training.synth.shape import Shape, shape_person
from affect_training.synth.skin import beard_share, paint_skin
from affect_training.synth.strands import Field, Roots, Skin
from affect_training.synth.torso import extend_torso
from affect_training.synth.wear import cloth_share, wear


@dataclass(frozen=True, slots=True)
class Person:
    """Shape, paint and hair of somebody who does not exist."""

    attributes: Attributes
    shape: Shape
    texture: Float32
    """(768, 768, 3), linear reflectance."""
    attachment: Attachment
    resting: FloatArray
    """(52,), face units of the face at rest: a stern or a tired look that means nothing."""
    gloss: Float32
    """(6, 3), a row for each `atlas.Material`: highlight, its exponent, wrap of diffuse light."""

    def __post_init__(self) -> None:
        if self.texture.shape != (atlas.SIZE, atlas.SIZE, 3):
            raise ValueError(f"texture has shape {self.texture.shape}")
        if self.resting.shape != (len(UNITS),) or (self.resting < 0).any():
            raise ValueError("resting must hold 52 units of at least 0")


def make_person(head: Head, canvas: Canvas, rng: np.random.Generator) -> Person:
    """Draw a person."""
    attributes = Attributes.draw(rng)
    shape = shape_person(head, attributes, rng)
    line, brows = Hairline.draw(attributes, rng), Brows.draw(attributes, rng)
    texture = np.zeros((atlas.SIZE, atlas.SIZE, 3), dtype=np.float32)
    paint_parts(texture, attributes, rng)
    skin = paint_skin(canvas, attributes, rng)
    paint_scalp(skin, canvas, attributes, line, rng)
    paint_brows(skin, canvas, attributes, brows)
    _dress(skin, canvas, texture[atlas.slices(atlas.TORSO)].mean(axis=(0, 1)), rng)
    cloth = texture[atlas.slices(atlas.CLOTH)].mean(axis=(0, 1))
    covered = cloth_share(canvas.x, canvas.y, canvas.z, attributes.headwear)[..., None]
    skin = skin * (1 - covered) + covered * cloth
    texture[:, : atlas.HEAD_WIDTH] = skin
    bare = Skin.of(head, shape.vertices)
    return Person(
        attributes=attributes,
        shape=shape,
        texture=texture,
        attachment=_attach(bare, attributes, line, brows, rng),
        resting=resting_face(rng),
        gloss=_gloss(rng),
    )


def resting_face(rng: np.random.Generator) -> FloatArray:
    """Units of a face at rest. Real resting faces look sterner than the mesh does.

    The label stays what it is, so a model learns that a slight frown by itself says nothing.
    """
    most = {
        "mouthFrown": 0.4,
        "browDown": 0.4,
        "eyeBlink": 0.16,
        "mouthShrugLower": 0.15,
        "mouthPress": 0.25,
        "mouthSmile": 0.12,
        "browInnerUp": 0.12,
        "browOuterUp": 0.15,
        "eyeSquint": 0.3,
        "jawOpen": 0.05,
    }
    resting = np.zeros(len(UNITS))
    for unit, limit in most.items():
        resting[columns(unit)] = limit * rng.beta(0.8, 2.0)
    return np.maximum(resting * (1 + rng.normal(0, 0.15, len(UNITS))), 0)


def _attach(
    bare: Skin,
    attributes: Attributes,
    line: Hairline,
    brows: Brows,
    rng: np.random.Generator,
) -> Attachment:
    def sow(field: Field, count: int) -> Roots:
        return Roots.sown(bare, field, count, rng)

    parts = [extend_torso(bare), grow_brows(sow(brows.share, 300), rng)]
    beard = attributes.beard
    if beard in BEARD_STRANDS:
        roots = sow(lambda x, y, z: beard_share(x, y, z, beard), BEARD_STRANDS[beard])
        parts.append(grow_beard(roots, beard, rng))
    if attributes.haircut is not Haircut.BALD and attributes.headwear is not Headwear.SCARF:
        roots = sow(_hair_field(line, attributes), COMBS[attributes.haircut].strands)
        parts.append(grow_hair(roots, attributes.haircut, rng))
    return Attachment.joined([*parts, *wear(bare, attributes, rng)])


def _hair_field(line: Hairline, attributes: Attributes) -> Field:
    """Hair shows where no cloth lies."""

    def field(x: Float32, y: Float32, z: Float32) -> Float32:
        return line.share(x, y, z) * (1 - cloth_share(x, y, z, attributes.headwear))

    return field


def _dress(skin: Float32, canvas: Canvas, cloth: Float32, rng: np.random.Generator) -> None:
    """Cloth below the neckline."""
    line = rng.uniform(5.2, 5.95) + 0.25 * np.clip(0.5 - canvas.z, 0, 0.5)
    line = line + 0.5 * smoothstep(0.6, 1.1, np.abs(canvas.x))
    share = smoothstep(0.015, -0.015, canvas.y - line.astype(np.float32))[..., None]
    skin *= 1 - share
    skin += share * cloth


def _gloss(rng: np.random.Generator) -> Float32:
    table = np.zeros((len(atlas.Material), 3), dtype=np.float32)
    table[atlas.Material.SKIN] = (rng.uniform(0.04, 0.16), rng.uniform(12, 26), 0.35)
    table[atlas.Material.EYE] = (0.9, 120, 0.2)
    table[atlas.Material.HAIR] = (rng.uniform(0.02, 0.1), rng.uniform(8, 20), 0.3)
    table[atlas.Material.MOUTH] = (0.25, 50, 0.2)
    table[atlas.Material.CLOTH] = (0.01, 5, 0.1)
    table[atlas.Material.FRAME] = (0.5, 40, 0.1)
    return table
