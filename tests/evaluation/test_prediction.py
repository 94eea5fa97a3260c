import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from netwright.errors import DataError, RecipeError, WeightsError
from netwright.evaluation import ImagePrediction, UnreadableImage, predict
from netwright.evaluation.measure import records_of
from netwright.evaluation.prediction import predict_images
from netwright.loader import EvalLoader, Split
from netwright.runtime import Runtime
from netwright.weights import LoadedModel

CPU = torch.device("cpu")
Open = Callable[..., Runtime]


@dataclass(frozen=True)
class Photo:
    """An image in memory."""

    name: str
    content: bytes = b""

    def read(self) -> bytes:
        if not self.content:
            raise FileNotFoundError(2, "No such file or directory")
        return self.content


@pytest.fixture(scope="module")
def photos(picture: Callable[..., np.ndarray]) -> list[Photo]:
    """Ten JPEGs of different sizes."""
    found = []
    for i in range(10):
        buffer = io.BytesIO()
        Image.fromarray(picture(i, 30 + 3 * i, 45)).save(buffer, "JPEG")
        found.append(Photo(f"{i}.jpg", buffer.getvalue()))
    return found


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, picture: Callable[..., np.ndarray]) -> Path:
    """A folder with three of them."""
    folder = tmp_path_factory.mktemp("images")
    for i in range(3):
        Image.fromarray(picture(i, 30 + 3 * i, 45)).save(folder / f"{i}.png")
    return folder


def test_probabilities_are_those_that_validate_finds_for_the_same_files(
    model: LoadedModel, opened: Open, photos: list[Photo], in_memory: Callable[..., Split]
) -> None:
    split = in_memory([photo.content for photo in photos])
    loader = EvalLoader(split, model.preprocessing, batch_size=4, workers=0, device=CPU)
    logits = torch.cat([model.module(x) for x, _, _ in loader]).detach()
    loader.close()
    records = records_of(logits, torch.zeros(10, dtype=torch.int64), np.arange(10))
    answers = list(predict_images(opened(model), photos, top_k=1, batch_size=4))
    first = [answer.candidates[0] for answer in answers if isinstance(answer, ImagePrediction)]
    assert [each.index for each in first] == records.predicted.tolist()
    assert [each.probability for each in first] == records.probability.tolist()  # to the last bit


def test_answers_come_in_order_with_the_likeliest_classes_first(
    model: LoadedModel, opened: Open, photos: list[Photo]
) -> None:
    answers = list(predict_images(opened(model), photos, top_k=3, batch_size=3))
    assert [answer.name for answer in answers] == [photo.name for photo in photos]
    for answer in answers:
        assert isinstance(answer, ImagePrediction)
        values = [each.probability for each in answer.candidates]
        assert values == sorted(values, reverse=True)
        assert [each.name for each in answer.candidates] == [model.class_names[c.index] for c in answer.candidates]
    whole = next(iter(predict_images(opened(model), photos, top_k=99)))
    assert isinstance(whole, ImagePrediction)
    assert len(whole.candidates) == len(model.class_names)
    assert sum(each.probability for each in whole.candidates) == pytest.approx(1)


def test_what_cannot_be_read_is_said_and_the_others_are_answered(
    model: LoadedModel, opened: Open, photos: list[Photo]
) -> None:
    inputs = [Photo("gone.jpg"), photos[0], Photo("text.jpg", b"hello"), photos[1]]
    answers = list(predict_images(opened(model), inputs, batch_size=2))
    assert [type(answer) for answer in answers] == [UnreadableImage, ImagePrediction, UnreadableImage, ImagePrediction]
    assert isinstance(answers[0], UnreadableImage)
    assert answers[0].reason == "No such file or directory"
    assert answers[1] == next(iter(predict_images(opened(model), [photos[0]])))
    assert [type(each) for each in predict_images(opened(model), inputs[:1])] == [UnreadableImage]
    assert list(predict_images(opened(model), [])) == []


def test_a_mistake_in_the_inputs_themselves_comes_out(model: LoadedModel, opened: Open) -> None:
    def broken() -> object:
        yield Photo("gone.jpg")
        raise DataError("an empty folder")

    with pytest.raises(DataError, match="an empty folder"):
        list(predict_images(opened(model), broken()))  # type: ignore[arg-type]


def test_damaged_weights_are_told(model: LoadedModel, opened: Open, photos: list[Photo]) -> None:
    from copy import deepcopy
    from dataclasses import replace

    module = deepcopy(model.module)
    with torch.no_grad():
        next(module.parameters()).fill_(float("nan"))
    with pytest.raises(WeightsError, match="finite"):
        list(predict_images(opened(replace(model, module=module)), photos))


def test_folded_batch_norm_gives_the_same_answers(model: LoadedModel, opened: Open, photos: list[Photo]) -> None:
    before = dict(model.module.state_dict())
    plain, folded = (list(predict_images(opened(model, fuse=fuse), photos, top_k=2)) for fuse in (False, True))
    assert len(plain) == len(folded) == 10
    for one, other in zip(plain, folded, strict=True):
        assert isinstance(one, ImagePrediction)
        assert isinstance(other, ImagePrediction)
        assert [each.name for each in one.candidates] == [each.name for each in other.candidates]
        for a, b in zip(one.candidates, other.candidates, strict=True):
            assert a.probability == pytest.approx(b.probability, abs=1e-5)
    assert plain != folded, "another way to the same"
    assert model.module.state_dict().keys() == before.keys()


@pytest.mark.parametrize("to", ["onnx", "openvino", "torch"])
def test_an_exported_file_answers_as_its_weights(
    to: str, weights: Path, model: LoadedModel, exported: Callable[..., Path], images: Path
) -> None:
    for one, other in zip(predict(weights, images, device="cpu"), predict(exported(model, to), images), strict=True):
        assert isinstance(one, ImagePrediction)
        assert isinstance(other, ImagePrediction)
        assert one.name == other.name
        assert [each.name for each in one.candidates] == [each.name for each in other.candidates]
        for a, b in zip(one.candidates, other.candidates, strict=True):
            assert a.probability == pytest.approx(b.probability, abs=1e-5)


@pytest.mark.slow
def test_int8_answers(quantized: Callable[[str], Path], images: Path) -> None:
    for to in ("onnx", "openvino"):
        answers = predict(quantized(to), images, top_k=1)
        assert [Path(each.name).name for each in answers] == ["0.png", "1.png", "2.png"]
        assert all(isinstance(each, ImagePrediction) for each in answers)


def test_images_of_every_kind_are_predicted_alike(model: LoadedModel, images: Path) -> None:
    path = images / "1.png"
    picture = Image.open(path)
    given = [path, str(path), path.read_bytes(), np.asarray(picture), picture, picture.convert("RGBA")]
    answers = predict(model, given, device="cpu")
    assert [each.name for each in answers] == [*[str(path)] * 2, *(f"image {i}" for i in range(2, 6))]
    first = answers[0]
    assert isinstance(first, ImagePrediction)
    for answer in answers:
        assert isinstance(answer, ImagePrediction)
        assert [each.index for each in answer.candidates] == [each.index for each in first.candidates]
        for one, other in zip(answer.candidates, first.candidates, strict=True):
            assert one.probability == pytest.approx(other.probability, abs=1e-6)
    assert predict(model, images, device="cpu") == predict(model, sorted(images.iterdir()), device="cpu")
    assert predict(model, [], device="cpu") == []


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_pictures_of_pillow_are_what_their_files_are(mode: str, model: LoadedModel, images: Path) -> None:
    whole = Image.open(images / "2.png")
    picture = Image.fromarray(np.asarray(whole.convert("L")).astype(np.uint16) << 8) if mode == "I;16" else None
    picture = picture or whole.convert(mode)
    assert picture.mode == mode
    buffer = io.BytesIO()
    (picture.convert("RGB") if mode in ("CMYK", "YCbCr") else picture).save(buffer, "PNG")
    one, other = predict(model, [picture, buffer.getvalue()], device="cpu")
    assert isinstance(one, ImagePrediction)
    assert isinstance(other, ImagePrediction)
    assert one.candidates == other.candidates


def test_a_turned_picture_is_seen_upright(model: LoadedModel, images: Path, tmp_path: Path) -> None:
    turned = Image.open(images / "0.png").transpose(Image.Transpose.ROTATE_90)
    exif = turned.getexif()
    exif[0x0112] = 6  # to be shown turned to the right
    turned.save(tmp_path / "turned.png", exif=exif)
    answers = predict(model, [Image.open(tmp_path / "turned.png"), images / "0.png"], device="cpu")
    one, other = (each.candidates for each in answers if isinstance(each, ImagePrediction))
    assert one == other


def test_other_things_are_no_images(model: LoadedModel) -> None:
    with pytest.raises(DataError, match=r"image 1 is a int\. Convert it"):
        predict(model, [np.zeros((9, 9), np.uint8), 3], device="cpu")  # type: ignore[list-item]
    bad = predict(model, [np.zeros((9, 9)), Image.new("F", (9, 9), -1.0), b"none", "gone.png"], device="cpu")
    assert all(isinstance(each, UnreadableImage) for each in bad)
    assert [each.name for each in bad] == ["image 0", "image 1", "image 2", "gone.png"]
    (fractions,) = predict(model, [Image.new("F", (9, 9), 0.5)], device="cpu")
    (gray,) = predict(model, [Image.new("L", (9, 9), 128)], device="cpu")
    assert not isinstance(fractions, UnreadableImage)
    assert not isinstance(gray, UnreadableImage)
    assert fractions.candidates == gray.candidates


def test_keys_of_the_command_work(weights: Path, images: Path) -> None:
    usual, cut = (predict(weights, images, device="cpu", **keys) for keys in ({}, {"crop_pct": 1.0, "threads": 1}))
    assert usual != cut
    with pytest.raises(RecipeError, match="unknown key 'topk'"):
        predict(weights, images, topk=3)
    with pytest.raises(RecipeError, match="device"):
        predict(weights, images, device="tpu9")


def test_an_exported_file_is_predicted_without_torch(model: LoadedModel, exported: Callable[..., Path]) -> None:
    """From Python as by the command."""
    path = exported(model, "onnx")
    code = f"""
import sys
import numpy as np
from netwright.evaluation import predict
answer = predict({str(path)!r}, np.zeros((40, 40, 3), np.uint8), threads=1)
assert len(answer) == 1
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "False", done.stderr
