"""JPEGs that a GPU decodes, on a processor: the same parts of the same images, with nearly the same pixels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from netwright.data.preprocess import Preprocessing
from netwright.errors import DataError, RecipeError
from netwright.loader import TrainLoader, open_splits
from netwright.loader.augment import Augment
from netwright.loader.batch import to_device
from netwright.loader.gpu_jpeg import check_gpu_jpeg
from netwright.loader.gpu_reader import GpuTrainReader
from netwright.loader.read import TrainReader
from netwright.loader.sampler import BatchIndex
from netwright.recipe import TrainConfig

CPU, CUDA = torch.device("cpu"), torch.device("cuda:0")
PLAIN = {"color_jitter": None, "vflip": 0.5, "re_prob": 0.5, "image_size": 32, "seed": 3}


@pytest.fixture
def training(tmp_path: Path) -> TrainConfig:
    """Smooth photos: a gray JPEG, a turned one and a PNG among them."""
    rng = np.random.default_rng(0)
    for number in range(8):
        path = tmp_path / "train" / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((90 + number, 70), Image.Resampling.BICUBIC)
        if number == 1:
            image = image.convert("L")
        turned = Image.Exif()
        turned[0x0112] = 6 if number == 2 else 1
        image.save(path.with_suffix(".png") if number == 3 else path, quality=95, exif=turned)
    return TrainConfig().with_(dataset="", data_dir=str(tmp_path), **PLAIN)


def batches(training: TrainConfig, count: int = 8) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """x and labels as processors make them, and as a GPU does."""
    split, _ = open_splits(training)
    preprocessing, augmentation = Preprocessing.from_training(training), training.augmentation
    augment = Augment(augmentation, preprocessing)
    index = BatchIndex(2, np.arange(count, dtype=np.int64), np.zeros(count, dtype=np.int64))
    as_always = TrainReader(split, split.labels, augment, augmentation, 3, 3)(index)
    encoded = GpuTrainReader(split, split.labels, augment, augmentation, 3)(index)
    assert len(encoded.encoded) == count - 2  # neither the turned one nor the PNG
    one, other = (to_device(each, preprocessing, CPU, channels_last=True) for each in (as_always, encoded))
    return (*one, *other)


@pytest.mark.parametrize("how", [{}, {"interpolation": "bicubic"}, {"antialias": False}])
def test_what_a_network_sees_is_the_same(training: TrainConfig, how: dict[str, object]) -> None:
    x, labels, other, other_labels = batches(training.with_(**how))
    assert torch.equal(labels, other_labels)
    assert other.is_contiguous(memory_format=torch.channels_last)
    gap = 58 * (x - other).abs()  # in gray levels of 255
    assert gap.mean() < 1.0
    assert gap.amax(dim=(1, 2, 3)).median() < 12.0  # a box or a mirror that differed would be far more


def test_a_damaged_jpeg_ends_the_training_with_the_cure(training: TrainConfig) -> None:
    path = next(Path(training.images.data_dir).glob("train/a/0.jpg"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=r"a GPU decodes whole JPEGs, and one of 6 in a batch is damaged .*data check"):
        batches(training)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"color_jitter": 0.4}, "there is no color_jitter 0.4 there"),
        ({"auto_augment": "trivialaugwide", "random_crop": "padded"}, "no random_crop padded, auto_augment trivial"),
        ({"aug_splits": 3, "lighting": 0.1}, "no aug_splits 3, lighting 0.1 there"),
        ({"resize": "letterbox"}, "no resize letterbox there"),
    ],
)
def test_what_needs_a_processor_is_refused(training: TrainConfig, keys: dict[str, object], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        check_gpu_jpeg(training.with_(**keys).augmentation, 3, CUDA)


def test_a_machine_that_cannot_is_told(training: TrainConfig) -> None:
    split, _ = open_splits(training)
    with pytest.raises(RecipeError, match=r"for NVIDIA GPUs, and this training runs on cpu\. Leave --decode out"):
        TrainLoader(split, training.with_(decode="gpu"), device=CPU)
    if not torch.cuda.is_available():
        with pytest.raises(RecipeError, match=r"needs a torchvision that was built with nvJPEG, and this one cannot"):
            check_gpu_jpeg(training.augmentation, 3, CUDA)
