"""JPEGs of a training that an NVIDIA GPU decodes (nvJPEG, by torchvision), crops, resizes and mirrors.

Worker processes read the files and draw the random numbers, the same ones as for processors; the pixels are made by
`to_device`. Other formats, and JPEGs that do not lie upright, are decoded by the workers.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from netwright.data.decode import plain_jpeg_size
from netwright.data.preprocess import Preprocessing
from netwright.errors import DataError, RecipeError
from netwright.recipe.augmentation import Augmentation

__all__ = ["Encoded", "check_gpu_jpeg", "decode_into", "draw_encoded"]

_CURE = "Leave --decode out: the processors decode then."


class Encoded(NamedTuple):
    """A JPEG whose pixels are made on the device.

    Attributes:
        row: Its place in the batch.
        data: (bytes,) uint8, in CPU memory.
        box: Top, left, height and width of the part that is seen.
        flips: Whether it is mirrored left to right, and top to bottom.
    """

    row: int
    data: Tensor
    box: tuple[int, int, int, int]
    flips: tuple[bool, bool]


def check_gpu_jpeg(augmentation: Augmentation, channels: int, device: torch.device) -> None:
    """See whether a training's images can be decoded by its device.

    Raises:
        RecipeError: There is no nvJPEG, or an augmentation needs decoded pixels on a processor.
    """
    if device.type != "cuda":
        raise RecipeError(f"decode gpu is for NVIDIA GPUs, and this training runs on {device}. {_CURE}")
    others = [
        f"{name} {value}"
        for name, value, needed in (
            ("random_crop", augmentation.random_crop, "resized"),
            ("resize", augmentation.resize, "crop"),
            ("auto_augment", augmentation.auto_augment, None),
            ("color_jitter", augmentation.color_jitter, None),
            ("in_channels", channels, 3),
        )
        if (value or None) != needed
    ]
    others += [f"aug_splits {augmentation.aug_splits}"] * bool(augmentation.aug_splits)
    others += [f"lighting {augmentation.lighting:g}"] * bool(augmentation.lighting)
    if others:
        raise RecipeError(
            "decode gpu crops, resizes and mirrors color images on the GPU, and there is no "
            f"{', '.join(others)} there. Leave these out (--color_jitter none), or leave --decode out."
        )
    import simplejpeg

    tiny = torch.from_numpy(np.frombuffer(simplejpeg.encode_jpeg(np.zeros((16, 16, 3), np.uint8)), np.uint8).copy())
    try:
        _decoded([tiny], device)
    except (AttributeError, ImportError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RecipeError(
            f"decode gpu needs a torchvision that was built with nvJPEG, and this one cannot: {reason}. {_CURE}"
        ) from error


def draw_encoded(row: int, data: object, augmentation: Augmentation) -> Encoded | None:
    """An image for the device, with what `Augment` would draw from the global generators; None where it is no JPEG."""
    size = plain_jpeg_size(data) if isinstance(data, bytes) else None
    if size is None or not isinstance(data, bytes):
        return None
    from torchvision.transforms import RandomResizedCrop

    like = torch.empty((1, *size), device="meta")
    top, left, height, width = RandomResizedCrop.get_params(like, list(augmentation.scale), list(augmentation.ratio))
    flips = [bool(share) and torch.rand(1).item() < share for share in (augmentation.hflip, augmentation.vflip)]
    content = torch.from_numpy(np.frombuffer(data, np.uint8).copy())
    return Encoded(row, content, (top, left, height, width), (flips[0], flips[1]))


def decode_into(pixels: Tensor, encoded: Sequence[Encoded], preprocessing: Preprocessing) -> None:
    """Make the pixels of encoded images, in their rows.

    Args:
        pixels: (B, side, side, 3) uint8 on the device.
        encoded: Of the batch.
        preprocessing: Has interpolation and antialias.

    Raises:
        DataError: One of them cannot be decoded.
    """
    try:
        decoded = _decoded([each.data for each in encoded], pixels.device)
    except RuntimeError as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"a GPU decodes whole JPEGs, and one of {len(encoded)} in a batch is damaged ({reason}). Find it with "
            f"`netwright data check`, or leave --decode out: the processors leave bad images out."
        ) from error
    side, mode = pixels.shape[1], preprocessing.interpolation
    how = {"mode": "nearest-exact"} if mode == "nearest" else {"mode": mode, "antialias": preprocessing.antialias}
    for each, image in zip(encoded, decoded, strict=True):
        top, left, height, width = each.box
        part = image[None, :, top : top + height, left : left + width].to(pixels.device)
        made = functional.interpolate(part.float(), (side, side), **how).round_().clamp_(0, 255)
        mirrored = [axis for axis, is_flipped in zip((3, 2), each.flips, strict=True) if is_flipped]
        pixels[each.row] = (made.flip(mirrored) if mirrored else made)[0].permute(1, 2, 0).to(torch.uint8)


def _decoded(data: list[Tensor], device: torch.device) -> list[Tensor]:
    """(3, H, W) uint8 each; on a CUDA device by nvJPEG, else by libjpeg."""
    from torchvision.io import ImageReadMode, decode_jpeg

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision 0.29 warns that a later one will not have it
        made: list[Tensor] = decode_jpeg(data, mode=ImageReadMode.RGB, device=device)
    return made
