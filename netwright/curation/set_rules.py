"""Findings about images together: the same image twice, classes that are uneven or differ between splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from netwright.curation.findings import Finding, Group
from netwright.curation.image_scan import ImageScan
from netwright.curation.perceptual_hash import alike_pairs
from netwright.data.source import ImageSource, IntArray
from netwright.system.plural import count

__all__ = ["UNEVEN", "class_findings", "duplicate_findings"]

UNEVEN = 1.5  # the largest class in smallest ones: from here on accuracy alone misleads
_BITS = 4  # of 64 in which hashes of near-duplicates may differ
_GRAY = 6.0  # gray levels, mean absolute difference of the tiny copies after their brightness is made equal
_BLANK = 2.0
_MOST_ALIKE = 2_000_000  # pairs that are compared pixel by pixel


def duplicate_findings(source: ImageSource, scan: ImageScan, splits: Mapping[str, IntArray]) -> list[Finding]:
    """Identical files, and images that look the same: within a split, in two splits, and under two labels."""
    identical = _joined(_equal_pairs(scan.digest, scan.readable), len(scan.digest))
    alike = _joined(_alike(scan), len(scan.digest))
    same = {tuple(group.tolist()) for group in identical}
    near = [group for group in alike if tuple(group.tolist()) not in same and not _is_one_file(group, scan)]
    split_of = _split_of(splits, len(source.labels))
    found = []
    for groups, kind, code in ((identical, "identical", "duplicate"), (near, "near-identical", "near_duplicate")):
        labels = [group for group in groups if len(set(source.labels[group].tolist())) > 1]
        across = [group for group in groups if len(set(split_of[group].tolist()) - {-1}) > 1]
        said = {id(group) for group in (*labels, *across)}
        rest = [group for group in groups if id(group) not in said]
        is_file = code == "duplicate"
        rows = (
            (f"{code}_labels", labels, "under two labels", "error" if is_file else "warning",
             "No network can be right about all of them. Remove the wrong ones."),
            (f"{code}_splits", across, "in more than one split", "error" if is_file else "warning",
             "What is learned is measured again, which flatters every accuracy. Remove them from one split."),
            (code, rest, "within a split", "note",
             "They count double. Identical files stay together where splits are cut." if is_file else
             "They count double, and may be parted where splits are cut."),
        )  # fmt: skip
        found += [
            Finding(
                name,
                level,
                f"{kind} images {where}",
                f"{count(len(parts), 'group')} of {kind} images {where} "
                f"({count(sum(map(len, parts)), 'image')}). {cure}",
                [_group(source, group, splits, split_of) for group in parts],
            )
            for name, parts, where, level, cure in rows
            if parts
        ]
    return found


def class_findings(source: ImageSource, scan: ImageScan, splits: Mapping[str, IntArray]) -> list[Finding]:
    """Classes that are uneven, that a split lacks, that are mixed differently in splits, or that have few images."""
    names, found = source.class_names, []
    counts = {
        split: np.bincount(source.labels[index[scan.readable[index]]], minlength=len(names))
        for split, index in splits.items()
    }
    for split, many in counts.items():
        lacking = [names[label] for label in np.flatnonzero(many == 0)]
        if lacking:
            text = (
                f"{split} has no readable image of {count(len(lacking), 'class', 'classes')}. Add some, or remove them."
            )
            groups = [Group((), (name,)) for name in lacking]
            found.append(Finding("class_missing", "error", f"classes without images in {split}", text, groups))
    total = np.sum(list(counts.values()), axis=0)
    least, most = int(total.argmin()), int(total.argmax())
    if total[most] > UNEVEN * max(1, total[least]):
        ratio = total[most] / max(1, total[least])
        text = (
            f"{names[most]!r} has {total[most]:,} images and {names[least]!r} {total[least]:,}, {ratio:.1f} times "
            "fewer. Look at the balanced accuracy, and try `netwright train --class_weights balanced` or "
            "--sampler balanced."
        )
        found.append(Finding("uneven", "warning" if ratio > 5 else "note", "uneven classes", text))
    return found + _mixes(names, counts)


def _mixes(names: Sequence[str], counts: Mapping[str, IntArray]) -> list[Finding]:
    """Splits whose mix of classes differs by more than chance from that of the first, by a chi-squared test."""
    from scipy.stats import chi2_contingency

    if len(counts) < 2:
        return []
    first, *others = sorted(counts, key=lambda split: split != "train")
    found = []
    for split in others:
        table = np.stack([counts[first], counts[split]])
        table = table[:, table.sum(axis=0) > 0]
        if table.shape[1] < 2 or not table.sum(axis=1).all():
            continue
        p = float(chi2_contingency(table).pvalue) * len(others)
        share = [each / each.sum() for each in (counts[first], counts[split])]
        label = int(np.abs(share[0] - share[1]).argmax())
        if p < 0.01 and abs(share[0][label] - share[1][label]) > 0.02:
            text = (
                f"{names[label]!r} is {100 * share[0][label]:.1f}% of {first} and {100 * share[1][label]:.1f}% of "
                f"{split}: more than chance (p = {min(1.0, p):.1g}). Accuracy there is that of another mix of classes."
            )
            found.append(Finding("mix", "warning", f"another mix of classes in {split}", text))
    return found


def _equal_pairs(
    keys: np.ndarray[tuple[int, ...], np.dtype[np.uint64]], use: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> IntArray:
    """Each image of equal keys with the first of them."""
    index = np.flatnonzero(use)
    _, first, inverse = np.unique(keys[index], return_index=True, return_inverse=True)
    pairs = np.stack([index[first[inverse]], index], axis=1)
    different: IntArray = pairs[pairs[:, 0] != pairs[:, 1]]
    return different


def _alike(scan: ImageScan) -> IntArray:
    """Pairs that look the same: hashes within a few bits, confirmed on the tiny copies."""
    use = scan.readable & (scan.look.std(axis=1) >= _BLANK)
    equal = _equal_pairs(scan.hash, use)
    index = np.flatnonzero(use)
    hashes, first = np.unique(scan.hash[index], return_index=True)
    pairs = np.concatenate([equal, index[first][alike_pairs(hashes, _BITS)].reshape(-1, 2)])[:_MOST_ALIKE]
    looks = scan.look.astype(np.float32)
    looks -= looks.mean(axis=1, keepdims=True)
    confirmed: IntArray = pairs[np.abs(looks[pairs[:, 0]] - looks[pairs[:, 1]]).mean(axis=1) <= _GRAY]
    return confirmed


def _is_one_file(group: IntArray, scan: ImageScan) -> bool:
    return len(set(scan.digest[group].tolist())) == 1


def _joined(pairs: IntArray, n: int) -> list[IntArray]:
    """The ascending image numbers of each connected group of two or more."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(pairs):
        return []
    graph = coo_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    label = connected_components(graph, directed=False)[1]
    members = np.unique(pairs)
    order = members[np.argsort(label[members], kind="stable")]
    groups = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    return sorted(groups, key=lambda group: int(group[0]))


def _split_of(splits: Mapping[str, IntArray], n: int) -> IntArray:
    """(n,) number of each image's split, -1 where it is in none."""
    number = np.full(n, -1, dtype=np.int64)
    for place, index in enumerate(splits.values()):
        number[index] = place
    return number


def _group(source: ImageSource, group: IntArray, splits: Mapping[str, IntArray], split_of: IntArray) -> Group:
    """What is different about them: their classes, their splits."""
    names = list(splits)
    classes = sorted({source.class_names[label] for label in source.labels[group].tolist()})
    where = sorted({names[at] for at in split_of[group].tolist() if at >= 0})
    parts = [" and ".join(classes) if len(classes) > 1 else "", " and ".join(where) if len(where) > 1 else ""]
    numbers = tuple(int(index) for index in group)
    return Group(numbers, tuple(source.item_name(index) for index in numbers), "; ".join(filter(None, parts)))
