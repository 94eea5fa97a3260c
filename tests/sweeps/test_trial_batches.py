import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.recipe import Recipe
from netwright.sweeps.trial_batches import Batches, crop_side, jittered, mixed, resized_crop
from netwright.sweeps.window import Window

PLAIN = Recipe(batch_size=4, lr=0.1, warmup_epochs=0.0, flip=False, crop_padding=0, precision="fp32")


def numbered(n: int, side: int = 4, channels: int = 1) -> np.ndarray:
    """Images of which each is one gray, its own number."""
    return np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, side, side, channels))


def batches(n: int, index: np.ndarray | None = None, channels_last: bool = True) -> Batches:
    index = np.arange(n) if index is None else index
    return Batches(numbered(n), np.arange(n), index, (0.0,), (1 / 255,), torch.device("cpu"), channels_last)


def grays(pairs: list[tuple[torch.Tensor, torch.Tensor]]) -> list[int]:
    return [round(float(image.max())) for x, _ in pairs for image in x]


def test_an_epoch_has_each_image_at_most_once_and_full_batches_only():
    pairs = list(batches(11).train(PLAIN, seed=1, epoch=1))
    assert [len(x) for x, _ in pairs] == [4, 4] == [len(target) for _, target in pairs]
    seen = grays(pairs)
    assert len(set(seen)) == 8
    assert [int(label) for _, target in pairs for label in target] == seen


def test_fewer_images_than_a_batch_are_one_small_batch():
    assert batches(3).steps(4) == 1
    assert [len(x) for x, _ in batches(3).train(PLAIN, seed=1, epoch=1)] == [3]


def test_only_the_split_is_used():
    index = np.array([2, 5, 7, 9])
    assert set(grays(list(batches(11, index).train(PLAIN, seed=0, epoch=1)))) == {2, 5, 7, 9}
    assert grays(list(batches(11, index).evaluate(3))) == [2, 5, 7, 9]


def test_order_depends_on_seed_and_epoch_and_nothing_else():
    order = [grays(list(batches(64).train(PLAIN, seed, epoch))) for seed, epoch in ((1, 1), (1, 1), (1, 2), (2, 1))]
    assert order[0] == order[1]
    assert order[0] != order[2]
    assert order[0] != order[3]


@pytest.mark.parametrize("batch_size", [1, 3, 500])
def test_evaluation_has_each_image_once_in_order(batch_size):
    pairs = list(batches(10).evaluate(batch_size))
    assert grays(pairs) == list(range(10))
    assert [int(label) for _, target in pairs for label in target] == list(range(10))


@pytest.mark.parametrize("channels_last", [True, False])
def test_tensors_are_normalized_and_laid_out_as_asked(channels_last):
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
    split = Batches(images, np.arange(6), np.arange(6), mean, std, torch.device("cpu"), channels_last)
    [(x, _)] = split.evaluate(6)
    wanted = (images / 255 - np.array(mean)) / np.array(std)
    assert x.dtype == torch.float32
    assert np.allclose(x.numpy().transpose(0, 2, 3, 1), wanted, atol=1e-5)
    assert x.is_contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


def augmented(pixels: np.ndarray, flip: bool, padding: int) -> np.ndarray:
    return Window.draw(np.random.default_rng(0), len(pixels), flip=flip, padding=padding).cut(pixels)


def windows(image: np.ndarray, padding: int, flip: bool) -> set[bytes]:
    """Every image that the augmentation may make of one."""
    height, width = image.shape[:2]
    padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
    cuts = [
        padded[down : down + height, right : right + width]
        for down in range(2 * padding + 1)
        for right in range(2 * padding + 1)
    ]
    return {cut.tobytes() for cut in cuts} | ({cut[:, ::-1].tobytes() for cut in cuts} if flip else set())


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 3), st.booleans(), st.integers(0, 3))
def test_augmentation_is_a_crop_of_the_padded_image_and_perhaps_its_mirror(height, width, channels, flip, padding):
    rng = np.random.default_rng(0)
    pixels = rng.integers(1, 256, (20, height, width, channels), dtype=np.uint8)
    made = augmented(pixels, flip, padding).transpose(0, 2, 3, 1)
    for before, after in zip(pixels, made, strict=True):
        assert after.tobytes() in windows(before, padding, flip)


def test_every_crop_and_mirror_comes_up():
    pixels = np.broadcast_to(np.arange(1, 10, dtype=np.uint8).reshape(1, 3, 3, 1), (2000, 3, 3, 1))
    made = augmented(pixels, True, 1).transpose(0, 2, 3, 1)
    assert {image.tobytes() for image in made} == windows(pixels[0], 1, flip=True)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 3), st.booleans(), st.integers(0, 3))
def test_images_on_a_device_are_cut_to_the_same_pixels(height, width, channels, flip, padding):
    rng = np.random.default_rng(1)
    images = rng.integers(1, 256, (20, height, width, channels), dtype=np.uint8)
    chosen = rng.permutation(20)[:7]
    window = Window.draw(rng, 7, flip=flip, padding=padding)
    there = window.cut_there(torch.from_numpy(images), chosen)
    assert np.array_equal(there.numpy(), window.cut(images[chosen]))


@pytest.mark.parametrize("recipe", [PLAIN, PLAIN.with_(flip=True, crop_padding=2, mixup=0.2, crop_scale=0.5)])
def test_batches_of_images_on_a_device_are_the_same(recipe: Recipe) -> None:
    images = np.random.default_rng(0).integers(0, 256, (12, 6, 6, 3), dtype=np.uint8)
    given = images, np.arange(12) % 3, np.array([3, 1, 8, 9, 11, 0, 2]), (0.4,) * 3, (0.2,) * 3, torch.device("cpu")
    here, there = Batches(*given), Batches(*given, resident=torch.from_numpy(images))
    for one, other in [(here.train(recipe, 0, 1), there.train(recipe, 0, 1)), (here.evaluate(4), there.evaluate(4))]:
        for (x, target), (x_there, target_there) in zip(one, other, strict=True):
            assert torch.equal(x, x_there)
            assert torch.equal(target, target_there)
            assert x.stride() == x_there.stride()


def test_images_stay_as_they_are():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 1), dtype=np.uint8)
    before = pixels.copy()
    augmented(pixels, True, 1)
    assert np.array_equal(pixels, before)


@pytest.mark.parametrize(
    ("side", "share", "trained"),
    [(128, 0.75, 96), (128, 1.0, 128), (100, 1.0, 100), (224, 0.75, 168), (48, 0.5, 32), (28, 0.5, 28)],
)
def test_training_images_are_a_share_of_the_side(side: int, share: float, trained: int) -> None:
    assert crop_side(side, share) == trained


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 1.0), st.sampled_from([16, 24]), st.integers(0, 99))
def test_a_random_part_is_within_the_image_and_no_smaller_than_it_may_be(scale: float, side: int, seed: int) -> None:
    # each pixel says where it is
    down, right = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")
    x = torch.stack([down, right]).expand(8, 2, 24, 24).contiguous(memory_format=torch.channels_last)
    part = resized_crop(x, np.random.default_rng(seed), scale, side)
    assert part.shape == (8, 2, side, side)
    assert part.is_contiguous(memory_format=torch.channels_last)
    assert 0 <= float(part.min()) <= float(part.max()) <= 23
    heights, widths = ((part[:, axis].amax((1, 2)) - part[:, axis].amin((1, 2))) / 23 for axis in (0, 1))
    assert float((heights * widths).min()) > scale * 0.7 - 0.1  # half a pixel at each end, and sides cut to the image


def test_random_parts_depend_on_seed_and_epoch_only_and_are_labeled_as_the_whole() -> None:
    recipe = PLAIN.with_(crop_scale=0.5, crop_size=0.5)
    images = np.broadcast_to(np.arange(8, dtype=np.uint8)[:, None, None, None], (8, 64, 64, 1))
    made = Batches(images, np.arange(8), np.arange(8), (0.0,), (1 / 255,), torch.device("cpu"), True)
    once, again, other = (list(made.train(recipe, 1, epoch)) for epoch in (1, 1, 2))
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(once, again, strict=True))
    assert [target.tolist() for _, target in once] != [target.tolist() for _, target in other]
    for x, target in once:
        assert x.shape == (4, 1, 32, 32)
        assert [round(float(image.mean())) for image in x] == target.tolist()
    assert next(iter(made.evaluate(4)))[0].shape == (4, 1, 64, 64)


def test_mixed_images_have_mixed_labels() -> None:
    x = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 1, 2, 2)
    images, labels = mixed(x, torch.arange(4), np.random.default_rng(3), 0.4, 6)
    assert labels.shape == (4, 6)
    assert torch.allclose(labels.sum(1), torch.ones(4))
    # an image is as gray as its label says
    assert torch.allclose(images[:, 0, 0, 0], labels @ torch.arange(6.0))
    assert not torch.equal(images, x)


def test_jitter_changes_colors_and_not_places() -> None:
    x = torch.randn(6, 3, 5, 5)
    changed = jittered(x, np.random.default_rng(0), 0.3)
    assert changed.shape == x.shape
    assert float((changed - x).abs().max()) > 0.1
    for before, after in zip(x.mean(1), changed.mean(1), strict=True):  # gray values keep their order
        assert torch.equal(before.flatten().argsort(), after.flatten().argsort())
    assert torch.allclose(jittered(x, np.random.default_rng(0), 0.0), x, atol=1e-6)


def test_batches_of_a_smaller_side_are_resized() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), np.uint8)
    given = {"images": pixels, "labels": np.arange(6), "index": np.arange(6), "mean": (0.5,), "std": (0.25,)}
    whole, small = (Batches(**given, device=torch.device("cpu"), side=side) for side in (None, 4))
    (x, _), (y, _) = next(whole.evaluate(6)), next(small.evaluate(6))
    assert y.shape == (6, 1, 4, 4)
    assert torch.allclose(y, torch.nn.functional.interpolate(x, (4, 4), mode="bilinear", antialias=True), atol=1e-6)
    recipe = Recipe(epochs=1, batch_size=3).resolve(resolution=8, flip_suits=True, bf16_helps=False)
    assert [batch.shape for batch, _ in small.train(recipe, 0, 1)] == [(3, 1, 4, 4)] * 2
    with_crop = recipe.with_(crop_scale=0.5)
    assert [batch.shape for batch, _ in small.train(with_crop, 0, 1)] == [(3, 1, 4, 4)] * 2
    large = Batches(**given, device=torch.device("cpu"), side=16)
    assert next(large.evaluate(6))[0].shape == (6, 1, 8, 8)
