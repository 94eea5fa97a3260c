"""Findings about single files: unreadable, damaged, of another format than their ending says, odd in size or color."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from netwright.curation.findings import Finding, Group
from netwright.curation.image_scan import PIXELS, ImageScan
from netwright.data.file_kinds import IMAGE_SUFFIXES
from netwright.data.reading import Reading
from netwright.data.source import ImageSource
from netwright.system.plural import count

__all__ = ["file_findings", "groups_of", "reading_findings"]

# format by content -> the endings that it may have
_ENDINGS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "MPO": (".jpg", ".jpeg", ".mpo"),
    "PNG": (".png",),
    "GIF": (".gif",),
    "WEBP": (".webp",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "AVIF": (".avif",),
    "HEIF": (".heic", ".heif", ".hif"),
    "PPM": (".pbm", ".pgm", ".ppm", ".pnm"),
}
_TINY = 16  # pixels of the shorter side, where other images are larger
_SLIVER = 5.0  # the longer side in shorter ones
_BLANK = 2.0  # standard deviation of gray
_HUGE = 50_000_000  # pixels: decoding one takes a second and 150 MB


def file_findings(source: ImageSource, scan: ImageScan) -> list[Finding]:
    """What is wrong with single images."""
    found = [*_damage(source, scan), _doubt(source, scan), _endings(source, scan), _blank(source, scan)]
    return [each for each in (*found, *_sizes(source, scan), _colors(source, scan)) if each is not None]


def reading_findings(reading: Reading | None, missing: Sequence[str]) -> list[Finding]:
    """Files that are not read, and labels without an image.

    Args:
        reading: How a folder was read; None of other sources.
        missing: Names of images that have a label and are not there.
    """
    found = []
    if missing:
        text = (
            f"{count(len(missing), 'label')} {_is(missing)} of images that are not there. Copy the images, or remove "
            "the lines."
        )
        found.append(
            Finding("missing", "error", "labels without images", text, [Group((), (name,)) for name in missing])
        )
    for each in reading.ignored if reading is not None else ():
        is_image = each.what.startswith("image")
        found.append(
            Finding(
                "unlabeled" if is_image else "ignored",
                "warning" if is_image else "note",
                "images that are not read" if is_image else "files that are no images",
                f"not read: {each}.",
                [Group((), (name,)) for name in each.examples],
            )
        )
    return found


def groups_of(source: ImageSource, indices: Iterable[int], details: Iterable[str] | None = None) -> list[Group]:
    """A group for each image."""
    numbers = [int(index) for index in indices]
    texts = [""] * len(numbers) if details is None else list(details)
    return [Group((i,), (source.item_name(i),), text) for i, text in zip(numbers, texts, strict=True)]


def _damage(source: ImageSource, scan: ImageScan) -> list[Finding]:
    truncated = [i for i, why in scan.damage.items() if "truncated" in why.lower() or "EOF" in why]
    rest = sorted(scan.damage.keys() - set(truncated))
    rows = (
        ("truncated", "truncated images", truncated, "cut off before the end. Download or copy again"),
        ("unreadable", "images that cannot be read", rest, "not to be read. Repair, convert or remove"),
    )
    return [
        Finding(
            code,
            "error",
            title,
            f"{count(len(indices), 'image')} {_is(indices)} {what} {'it' if len(indices) == 1 else 'them'}; a training "
            "puts other images in their place.",
            groups_of(source, indices, [scan.damage[i] for i in indices]),
        )
        for code, title, indices, what in rows
        if indices
    ]


def _doubt(source: ImageSource, scan: ImageScan) -> Finding | None:
    if not scan.doubt:
        return None
    text = (
        f"{count(len(scan.doubt), 'image')} can be read, but the decoder had to guess: parts may be gray or shifted. "
        "Look at them, and save or download them again."
    )
    return Finding(
        "damaged",
        "warning",
        "damaged images that can be read",
        text,
        groups_of(source, scan.doubt, scan.doubt.values()),
    )


def _endings(source: ImageSource, scan: ImageScan) -> Finding | None:
    wrong, details = [], []
    for index in np.flatnonzero(scan.readable).tolist():
        kind = str(scan.formats[index])
        if kind == PIXELS:
            continue
        suffix = os.path.splitext(source.item_name(index))[1].lower()
        if suffix in IMAGE_SUFFIXES and kind in _ENDINGS and suffix not in _ENDINGS[kind]:
            wrong.append(index)
            details.append(f"is {kind}")
    if not wrong:
        return None
    text = (
        f"{count(len(wrong), 'image')} {_is(wrong)} of another format than the ending says. Netwright reads them by "
        "their content; other programs may not. Rename them."
    )
    return Finding("ending", "warning", "wrong endings", text, groups_of(source, wrong, details))


def _blank(source: ImageSource, scan: ImageScan) -> Finding | None:
    blank = np.flatnonzero(scan.readable & (scan.look.std(axis=1) < _BLANK))
    if not len(blank):
        return None
    text = f"{count(len(blank), 'image')} {_is(blank)} of one brightness: there is nothing to learn from. Remove them."
    return Finding("blank", "warning", "blank images", text, groups_of(source, blank))


def _sizes(source: ImageSource, scan: ImageScan) -> list[Finding | None]:
    readable = scan.readable
    shorter, longer = np.minimum(scan.height, scan.width), np.maximum(scan.height, scan.width)
    usual = float(np.median(shorter[readable])) if readable.any() else 0.0
    tiny = np.flatnonzero(readable & (shorter < _TINY) & (usual >= 2 * _TINY))
    sliver = np.flatnonzero(readable & (longer > _SLIVER * np.maximum(shorter, 1)))
    huge = np.flatnonzero(readable & (scan.height * scan.width > _HUGE))
    rows = (
        ("tiny", tiny, "tiny images", f"of fewer than {_TINY} pixels a side, where most have {usual:.0f}. Remove them"),
        ("sliver", sliver, "slivers", f"more than {_SLIVER:.0f} times as long as wide: a square crop sees little"),
        ("huge", huge, "huge images", "of more than 50 megapixels, slow to decode: `netwright data prepare` makes them "
         "smaller"),
    )  # fmt: skip
    return [
        Finding(
            code,
            "note" if code == "huge" else "warning",
            title,
            f"{count(len(indices), 'image')} {_is(indices)} {text}.",
            groups_of(source, indices, [f"{scan.width[i]:,} x {scan.height[i]:,}" for i in indices]),
        )
        for code, indices, title, text in rows
        if len(indices)
    ]


def _colors(source: ImageSource, scan: ImageScan) -> Finding | None:
    """Images of the rarer kinds of color, where there are several kinds."""
    readable = scan.readable
    kinds = Counter(scan.colors[readable].tolist())
    if len(kinds) < 2:
        return None
    usual = kinds.most_common(1)[0][0]
    rare = np.flatnonzero(readable & (scan.colors != usual))
    said = ", ".join(f"{kind} {many:,}" for kind, many in kinds.most_common())
    text = f"the images have several kinds of color: {said}. All are converted to the network's."
    return Finding("colors", "note", "kinds of color", text, groups_of(source, rare, scan.colors[rare].tolist()))


def _is(items: Sequence[object] | np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> str:
    return "is" if len(items) == 1 else "are"
