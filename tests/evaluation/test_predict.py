import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image

from netwright.errors import DataError, WeightsError
from netwright.evaluation.measure import judge
from netwright.evaluation.predict import Prediction, Unreadable, predict
from netwright.loader import EvalLoader, Split
from netwright.weights import LoadedModel

CPU = torch.device("cpu")


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


def test_probabilities_are_those_that_validate_finds_for_the_same_files(
    model: LoadedModel, photos: list[Photo], in_memory: Callable[..., Split]
) -> None:
    split = in_memory([photo.content for photo in photos])
    loader = EvalLoader(split, model.preprocessing, batch_size=4, workers=0, device=CPU)
    logits = torch.cat([model.module(x) for x, _, _ in loader]).detach()
    loader.close()
    records = judge(logits, torch.zeros(10, dtype=torch.int64), np.arange(10))
    answers = list(predict(model, photos, top_k=1, device=CPU, batch_size=4))
    first = [answer.candidates[0] for answer in answers if isinstance(answer, Prediction)]
    assert [each.index for each in first] == records.predicted.tolist()
    assert [each.probability for each in first] == records.probability.tolist()  # to the last bit


def test_answers_come_in_order_with_the_likeliest_classes_first(model: LoadedModel, photos: list[Photo]) -> None:
    answers = list(predict(model, photos, top_k=3, device=CPU, batch_size=3))
    assert [answer.name for answer in answers] == [photo.name for photo in photos]
    for answer in answers:
        assert isinstance(answer, Prediction)
        values = [each.probability for each in answer.candidates]
        assert values == sorted(values, reverse=True)
        assert [each.name for each in answer.candidates] == [model.class_names[c.index] for c in answer.candidates]
    whole = next(iter(predict(model, photos, top_k=99, device=CPU)))
    assert isinstance(whole, Prediction)
    assert len(whole.candidates) == len(model.class_names)
    assert sum(each.probability for each in whole.candidates) == pytest.approx(1)


def test_what_cannot_be_read_is_said_and_the_others_are_answered(model: LoadedModel, photos: list[Photo]) -> None:
    inputs = [Photo("gone.jpg"), photos[0], Photo("text.jpg", b"hello"), photos[1]]
    answers = list(predict(model, inputs, device=CPU, batch_size=2))
    assert [type(answer) for answer in answers] == [Unreadable, Prediction, Unreadable, Prediction]
    assert isinstance(answers[0], Unreadable)
    assert answers[0].reason == "No such file or directory"
    assert answers[1] == next(iter(predict(model, [photos[0]], device=CPU)))
    assert [type(each) for each in predict(model, inputs[:1], device=CPU)] == [Unreadable]
    assert list(predict(model, [], device=CPU)) == []


def test_a_mistake_in_the_inputs_themselves_comes_out(model: LoadedModel) -> None:
    def broken() -> object:
        yield Photo("gone.jpg")
        raise DataError("an empty folder")

    with pytest.raises(DataError, match="an empty folder"):
        list(predict(model, broken(), device=CPU))  # type: ignore[arg-type]


def test_damaged_weights_are_told(model: LoadedModel, photos: list[Photo]) -> None:
    from copy import deepcopy
    from dataclasses import replace

    module = deepcopy(model.module)
    with torch.no_grad():
        next(module.parameters()).fill_(float("nan"))
    with pytest.raises(WeightsError, match="finite"):
        list(predict(replace(model, module=module), photos, device=CPU))


def test_folded_batch_norm_gives_the_same_answers(model: LoadedModel, photos: list[Photo]) -> None:
    before = dict(model.module.state_dict())
    plain, folded = (list(predict(model, photos, top_k=2, device=CPU, fold=fold)) for fold in (False, True))
    assert len(plain) == len(folded) == 10
    for one, other in zip(plain, folded, strict=True):
        assert isinstance(one, Prediction)
        assert isinstance(other, Prediction)
        assert [each.name for each in one.candidates] == [each.name for each in other.candidates]
        for a, b in zip(one.candidates, other.candidates, strict=True):
            assert a.probability == pytest.approx(b.probability, abs=1e-5)
    assert plain != folded, "another way to the same"
    assert model.module.state_dict().keys() == before.keys()
