"""A few training images of a design as its networks see them, for the top of its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netwright.data import ImageSet

if TYPE_CHECKING:
    from netwright.report.picture import Picture

__all__ = ["pictures_of", "preparation_in_words"]

_COUNT = 8


def pictures_of(images: ImageSet) -> tuple[Picture, ...]:
    """Eight training images, of as many classes, evenly over both; the same for the same images."""
    from netwright.report.picture import picture_of

    labels, classes = images.labels[images.train], images.num_classes
    # of many classes some, evenly spaced; of few each several times
    wanted = [k * classes // _COUNT if classes > _COUNT else k % classes for k in range(_COUNT)]
    pictures = []
    for place, label in enumerate(wanted):
        members = images.train[np.flatnonzero(labels == label)]
        number, of = wanted[:place].count(label), wanted.count(label)
        if number < len(members):
            index = int(members[len(members) * number // of])
            pictures.append(picture_of(images.images[index], images.class_names[label]))
    return tuple(pictures)


def preparation_in_words(images: ImageSet) -> tuple[str, ...]:
    """How the images became what the pictures show, in sentences, with what is wrong with them."""
    colors = {1: "gray", 3: "color"}.get(images.channels, f"{images.channels} channels, the first of which are shown")
    how = {
        "crop": "the center square of each image (--resize squash or letterbox shows all of it)",
        "squash": "all of each image, squeezed to a square",
        "letterbox": f"all of each image, between bands of {images.background}",
    }[images.resize]
    side = images.resolution
    return (
        f"Training images as the networks see them: {side} x {side} pixels, {colors}, {how}. What is transparent lies "
        f"on {images.background}.",
        *(f"{notice[0].upper()}{notice[1:]}{'' if notice.endswith('?') else '.'}" for notice in images.notices),
    )
