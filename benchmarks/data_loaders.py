"""The loaders that `data.py` compares: ours, and those of the field on the same files, each as it is meant to be used.

Every one yields uint8 batches of random resized crops, flipped at random; CIFAR-10's are padded crops, normalized.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from netwright.data import decode, open_source
from netwright.loader import Split, TrainLoader
from netwright.recipe import TrainConfig

SIDE, BATCH, CIFAR_BATCH = 224, 64, 128


class Loader(NamedTuple):
    """A loader: `epoch` starts another epoch, `close` ends its processes."""

    epoch: Callable[[], Iterable[Any]]
    close: Callable[[], None] = lambda: None


def ours(data_dir: str, workers: int) -> Loader:
    """Batches of uint8 pixels, before they go to a device."""
    source = open_source(data_dir)
    index = source.splits.get("train", next(iter(source.splits.values())))
    training = TrainConfig().with_(
        image_size=SIDE, batch_size=BATCH, workers=workers, color_jitter=None, drop_last=False, data_dir=data_dir
    )
    loader = TrainLoader(Split(source, index, "train"), training, device=torch.device("cpu"))
    return Loader(lambda: loader._batches(loader._sampler.batches(1)), loader.close)


def timms(data_dir: str, workers: int) -> Loader:
    """timm's create_loader as in training; the uint8 batches before its prefetcher makes float ones of them."""
    from timm.data import create_dataset, create_loader

    loader = create_loader(
        create_dataset("", root=data_dir), (3, SIDE, SIDE), BATCH, is_training=True, hflip=0.5, color_jitter=0.0,
        interpolation="bilinear", num_workers=workers, persistent_workers=workers > 0, device=torch.device("cpu"),
    )  # fmt: skip
    return Loader(lambda: loader.loader)


def torchvisions(data_dir: str, workers: int, *, version: int) -> Loader:
    """torchvision v1 on Pillow, or v2 with its own decoder, in torch's DataLoader."""
    from torchvision import io, transforms
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    if version == 1:
        v1 = [transforms.RandomResizedCrop(SIDE), transforms.RandomHorizontalFlip(), transforms.PILToTensor()]
        return _torch_loader(ImageFolder(data_dir, transforms.Compose(v1)), workers)
    steps = [v2.RandomResizedCrop(SIDE, antialias=True), v2.RandomHorizontalFlip()]

    def read(path: Any) -> Any:
        return io.decode_image(path, mode=io.ImageReadMode.RGB)

    return _torch_loader(ImageFolder(data_dir, v2.Compose(steps), loader=read), workers)


def opencvs(data_dir: str, workers: int) -> Loader:
    """OpenCV's decoder and resize in torch's DataLoader, parts as torchvision draws them."""
    from torchvision.datasets import ImageFolder

    return _torch_loader(ImageFolder(data_dir, _by_opencv, loader=_bytes), workers)


def webdatasets(urls: list[str], workers: int, *, by: str) -> Loader:
    """WebDataset on tar shards, decoded and varied by Pillow and torchvision or by OpenCV."""
    import webdataset as wds
    from torchvision import transforms

    names = [transforms.RandomResizedCrop(SIDE), transforms.RandomHorizontalFlip(), transforms.PILToTensor()]
    data = wds.WebDataset(urls, shardshuffle=len(urls), empty_check=False).shuffle(1000)
    if by == "pillow":
        data = data.decode("pil").to_tuple("jpg", "cls").map_tuple(transforms.Compose(names), int)
    else:
        data = data.to_tuple("jpg", "cls").map_tuple(_by_opencv, int)
    loader = wds.WebLoader(data.batched(BATCH), batch_size=None, num_workers=workers, persistent_workers=workers > 0)
    return Loader(lambda: loader)


def dalis(data_dir: str, threads: int) -> Loader:
    """NVIDIA's DALI on processors, in threads."""
    from nvidia.dali import fn, pipeline_def, types

    @pipeline_def(batch_size=BATCH, num_threads=threads, device_id=None, prefetch_queue_depth=2)  # type: ignore[untyped-decorator]
    def photos() -> Any:
        files, labels = fn.readers.file(file_root=data_dir, random_shuffle=True, name="files")
        images = fn.decoders.image_random_crop(files, random_area=[0.08, 1.0], random_aspect_ratio=[0.75, 1.3333])
        images = fn.resize(images, resize_x=SIDE, resize_y=SIDE, interp_type=types.INTERP_LINEAR)
        return fn.flip(images, horizontal=fn.random.coin_flip()), labels

    pipe = photos()
    pipe.build()
    size = pipe.epoch_size("files")

    def epoch() -> Iterator[Any]:
        for _ in range(-(-size // BATCH)):
            images, labels = pipe.run()
            yield torch.from_numpy(np.array(images.as_array())), labels

    return Loader(epoch)


def bare_decode(data_dir: str, workers: int) -> Loader:
    """simplejpeg's decoder alone on whole files: no part, no resize, no batch; in one process."""
    import simplejpeg

    assert not workers
    paths = sorted(path for path in Path(data_dir).rglob("*") if path.is_file())
    return Loader(lambda: ([[simplejpeg.decode_jpeg(path.read_bytes())]] for path in paths))


def cifar_ours(folder: str, workers: int) -> Loader:
    """CIFAR-10: crop from 4 black pixels around, flip, normalize."""
    source = open_source(folder)
    training = TrainConfig().with_(
        image_size=32, batch_size=CIFAR_BATCH, workers=workers, color_jitter=None, random_crop="padded", data_dir=folder
    )
    loader = TrainLoader(Split(source, source.splits["train"], "train"), training, device=torch.device("cpu"))
    return Loader(lambda: loader.epoch(1), loader.close)


def cifar_torchvisions(folder: str, workers: int) -> Loader:
    """As torchvision's own CIFAR10 and its transforms: arrays in memory, an image at a time."""
    from torch.utils.data import Dataset
    from torchvision import transforms

    source = open_source(folder)
    index = source.splits["train"].tolist()
    pixels, labels = [decode(source.read(i).data, 32, 3) for i in index], source.labels[index].tolist()
    change = transforms.Compose(
        [transforms.RandomCrop(32, 4), transforms.RandomHorizontalFlip(), transforms.ToTensor(),
         transforms.Normalize((0.49, 0.48, 0.45), (0.25, 0.24, 0.26))]
    )  # fmt: skip

    class Images(Dataset[Any]):
        def __len__(self) -> int:
            return len(pixels)

        def __getitem__(self, position: int) -> Any:
            from PIL import Image

            return change(Image.fromarray(pixels[position])), labels[position]

    return _torch_loader(Images(), workers, CIFAR_BATCH)


def is_installed(package: str) -> bool:
    with contextlib.suppress(ImportError):
        __import__(package)
        return True
    return False


def _torch_loader(dataset: Any, workers: int, batch: int = BATCH) -> Loader:
    from torch.utils.data import DataLoader

    loader: DataLoader[Any] = DataLoader(
        dataset, batch, shuffle=True, num_workers=workers, persistent_workers=workers > 0
    )
    return Loader(lambda: loader)


def _bytes(path: str) -> bytes:
    return Path(path).read_bytes()


def _by_opencv(data: bytes) -> Any:
    import cv2
    from torchvision.transforms import RandomResizedCrop

    cv2.setNumThreads(1)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    like = torch.empty((3, *pixels.shape[:2]), device="meta")
    top, left, height, width = RandomResizedCrop.get_params(like, [0.08, 1.0], [3 / 4, 4 / 3])
    how = cv2.INTER_AREA if height * width > SIDE * SIDE else cv2.INTER_LINEAR
    part = cv2.resize(pixels[top : top + height, left : left + width], (SIDE, SIDE), interpolation=how)
    return cv2.flip(part, 1) if torch.rand(1) < 0.5 else part
