import numpy as np
from curation.conftest import photo
from PIL import Image

from netwright.curation.perceptual_hash import SIDE, alike_pairs, hash_of


def gray(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def differ(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def test_size_and_brightness_hardly_change_it() -> None:
    first = hash_of(gray(photo(0)))
    assert differ(first, hash_of(gray(photo(0).resize((50, 70))))) <= 4
    assert differ(first, hash_of(gray(photo(0).point(lambda value: 30 + value // 2)))) <= 4


def test_other_images_have_other_hashes() -> None:
    hashes = [hash_of(gray(photo(seed))) for seed in range(40)]
    apart = [differ(a, b) for place, a in enumerate(hashes) for b in hashes[:place]]
    assert min(apart) > 8


def test_the_pairs_are_those_of_comparing_all() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 300).astype(np.uint64)
    for place in range(0, 300, 3):  # a neighbor that differs in 0 to 5 bits
        flipped = sum(1 << int(bit) for bit in rng.choice(64, place % 6, replace=False))
        hashes[place + 1] = hashes[place] ^ np.uint64(flipped)
    every = [[i, j] for i in range(300) for j in range(i + 1, 300) if differ(int(hashes[i]), int(hashes[j])) <= 4]
    assert len(every) > 50
    assert alike_pairs(hashes, 4).tolist() == every
