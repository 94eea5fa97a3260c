"""What every runtime promises, whatever computes it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from netwright.arch import Arch, Stage, Stem
from netwright.data import Preprocessing
from netwright.errors import DataError, ServeError
from netwright.runtime import Runtime
from netwright.testing.networks import randomized
from netwright.weights import LoadedModel

__all__ = ["RuntimeContract"]

_SIDE = 16
_COLOR = Arch((Stage(2, 8, 1, 1.0, 4), Stage(1, 16, 2, 2.0, 4)), "y", Stem("cifar", 8), 0.25, _SIDE, 5, 3, "small")
_GRAY = Arch((Stage(1, 8, 1, 1.0, 4), Stage(1, 16, 2, 1.0, 8)), "x", Stem("simple", 8), 0.0, _SIDE, 4, 1, "gray")
_NAMES = ("ant", "bee", "cat", "dog", "Erdmännchen")
# precision -> the most that logits may differ from the network's, in standard deviations of these
_NEAR = {"fp32": 1e-4, "fp16": 0.01, "bf16": 0.1, "int8": 0.5}

Floats = npt.NDArray[np.float32]


def _loaded(arch: Arch, names: tuple[str, ...] = (), **facts: Any) -> LoadedModel:
    channels = arch.in_channels
    preprocessing = Preprocessing(_SIDE, channels, 1.0, mean=(120.0,) * channels, std=(60.0,) * channels)
    return LoadedModel(arch, randomized(arch), preprocessing, names, "made here", facts=facts)


def _inputs(count: int, seed: int = 0, channels: int = 3) -> Floats:
    """(count, channels, H, W), as normalized images are."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, channels, _SIDE, _SIDE), dtype=np.float32)


def _pictures(count: int) -> list[npt.NDArray[np.uint8]]:
    """(H, W, 3) of several sizes."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (_SIDE + i % 3, _SIDE, 3), dtype=np.uint8) for i in range(count)]


def _logits(model: LoadedModel, x: Floats) -> Floats:
    """What the network itself gives."""
    with torch.inference_mode():
        found: Floats = model.module(torch.from_numpy(x)).numpy()
    return found


_WRONG: dict[str, Any] = {
    "float64": _inputs(2).astype(np.float64),
    "float16": _inputs(2).astype(np.float16),
    "uint8": (_inputs(2) * 9).astype(np.uint8),
    "one": _inputs(2)[0],
    "gray": _inputs(2, channels=1),
    "small": _inputs(2)[:, :, :8],
    "channels last": _inputs(2).transpose(0, 2, 3, 1),
    "scalar": np.zeros((), dtype=np.float32),
    "list": _inputs(2).tolist(),
}


class RuntimeContract:
    """The tests of a `netwright.runtime.Runtime`, and so of the backend in it.

    A subclass gives `make_runtime`:

        class TestMyBackend(RuntimeContract):
            def make_runtime(self, model, folder):
                return Runtime(info_of(model), "mine", MyBackend(model.module))  # info_of is in netwright.runtime.info

    The networks are small, of 16 x 16 pixels. How near logits must be follows from the precision that the runtime's
    `info` names: a ten-thousandth of their standard deviation for fp32.
    """

    def make_runtime(self, model: LoadedModel, folder: Path) -> Runtime:
        """A runtime of this network, with its preprocessing, class names and facts. folder: an empty one, for files."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def make(cls, tmp_path_factory: pytest.TempPathFactory) -> Callable[[LoadedModel], Runtime]:
        """A new runtime of a network."""
        return lambda model: cls().make_runtime(model, tmp_path_factory.mktemp("runtime"))

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls) -> LoadedModel:
        """A network of five classes with names, for RGB."""
        return _loaded(_COLOR, _NAMES, epochs=3)

    @pytest.fixture(scope="class")
    @classmethod
    def gray(cls) -> LoadedModel:
        """A network of four classes without names, for gray images."""
        return _loaded(_GRAY)

    @pytest.fixture(scope="class")
    @classmethod
    def runtime(cls, make: Callable[[LoadedModel], Runtime], model: LoadedModel) -> Iterator[Runtime]:
        """One for all tests, each of which leaves it as it was."""
        with make(model) as opened:
            yield opened

    @pytest.fixture(scope="class")
    @classmethod
    def gray_runtime(cls, make: Callable[[LoadedModel], Runtime], gray: LoadedModel) -> Iterator[Runtime]:
        with make(gray) as opened:
            yield opened

    def test_the_logits_are_the_networks_for_any_number_of_images(self, runtime: Runtime, model: LoadedModel) -> None:
        for count in (1, 2, 3, 4, 7):
            x = _inputs(count, seed=count)
            expected, found = _logits(model, x), runtime.logits(x)
            assert found.dtype == np.float32
            assert found.shape == (count, 5)
            assert np.abs(found - expected).max() < _NEAR[runtime.info.precision] * expected.std()

    def test_no_images_give_no_logits(self, runtime: Runtime) -> None:
        assert runtime.logits(_inputs(0)).shape == (0, 5)
        assert runtime.predict([]).top(3) == ()

    def test_tensors_give_what_arrays_give(self, runtime: Runtime) -> None:
        for count in (1, 3, 5):
            x = _inputs(count, seed=count)
            found = runtime.logits(torch.from_numpy(x).contiguous(memory_format=torch.channels_last))
            assert isinstance(found, np.ndarray)
            assert np.allclose(found, runtime.logits(x), atol=1e-5)
        wrong = r"float32 of shape \(N, 3, 16, 16\).*this is float64 of shape \(2, 3, 16, 16\)"
        with pytest.raises(ServeError, match=wrong):
            runtime.logits(torch.from_numpy(_inputs(2)).double())

    def test_its_answers_stay_when_it_computes_others(self, runtime: Runtime) -> None:
        first = runtime.logits(_inputs(3, seed=1))
        kept = first.copy()
        runtime.logits(_inputs(3, seed=2))
        assert np.array_equal(first, kept)
        first += 1.0  # and they are the caller's own

    def test_inputs_stay_as_they_are_however_they_lie_in_memory(self, runtime: Runtime) -> None:
        x = _inputs(4)
        lying = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
        frozen = x.copy()
        frozen.flags.writeable = False
        assert np.allclose(runtime.logits(lying), runtime.logits(frozen), atol=1e-5)
        assert np.array_equal(lying, x)
        runtime.logits(x)
        assert np.array_equal(x, frozen)

    @pytest.mark.parametrize("wrong", _WRONG.values(), ids=_WRONG)
    def test_wrong_inputs_are_refused_with_the_right_shape(self, runtime: Runtime, wrong: Any) -> None:
        with pytest.raises(ServeError, match=r"float32 of shape \(N, 3, 16, 16\).*this is"):
            runtime.logits(wrong)
        assert runtime.logits(_inputs(1)).shape == (1, 5)

    def test_threads_do_not_see_each_other(self, runtime: Runtime) -> None:
        batches = [_inputs(1 + i % 4, seed=i) for i in range(24)]
        alone = [runtime.logits(x) for x in batches]
        with ThreadPoolExecutor(6) as pool:
            for one, other in zip(alone, pool.map(runtime.logits, batches), strict=True):
                assert np.allclose(one, other, atol=1e-5)

    def test_images_of_all_kinds_are_predicted_alike(self, runtime: Runtime, tmp_path: Path) -> None:
        pixels = np.random.default_rng(3).integers(0, 256, (20, 30, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        path = tmp_path / "a.png"
        path.write_bytes(buffer.getvalue())
        many = runtime.predict([pixels, buffer.getvalue(), memoryview(buffer.getvalue()), path, str(path)])
        assert many.probabilities.shape == (5, 5)
        assert np.allclose(many.probabilities, many.probabilities[0], atol=1e-6)
        assert np.allclose(many.probabilities.sum(axis=1), 1.0, atol=1e-6)
        assert many.names == _NAMES
        top = many.top(2)[0]
        assert [each.probability for each in top] == sorted(many.probabilities[0].tolist(), reverse=True)[:2]
        assert top[0].name == many.names[top[0].index]

    def test_unreadable_images_are_data_errors(self, runtime: Runtime, tmp_path: Path) -> None:
        wrong: list[Any] = [b"no image", np.zeros((4, 4), np.float32), np.zeros((4, 4, 2), np.uint8)]
        for bad in [*wrong, tmp_path / "gone.png"]:
            with pytest.raises(DataError):
                runtime.predict([bad])

    def test_more_images_than_are_computed_at_once(self, runtime: Runtime) -> None:
        pictures = _pictures(40)
        whole = runtime.predict(pictures).probabilities
        assert np.allclose(whole[35:37], runtime.predict(pictures[35:37]).probabilities, atol=1e-5)

    def test_it_knows_what_it_is(self, runtime: Runtime, model: LoadedModel) -> None:
        info = runtime.info
        assert runtime.kind
        assert info.precision in _NEAR
        assert (info.arch, info.preprocessing) == (model.arch, model.preprocessing)
        assert (info.class_names, dict(info.facts), info.source) == (_NAMES, {"epochs": 3}, "made here")
        assert info.batch is None or info.batch >= 1
        assert info.input_shape == (3, _SIDE, _SIDE)

    def test_closing_waits_for_what_runs_and_then_nothing_is_answered(
        self, make: Callable[[LoadedModel], Runtime], model: LoadedModel
    ) -> None:
        opened = make(model)
        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(opened.logits, _inputs(4)) for _ in range(16)]
            opened.close()
            for each in running:
                error = each.exception()
                assert error is None or isinstance(error, ServeError)
        opened.close()
        with pytest.raises(ServeError, match="until it is closed"):
            opened.logits(_inputs(1))

    def test_gray_networks_without_class_names(self, gray_runtime: Runtime, gray: LoadedModel) -> None:
        x = _inputs(3, channels=1)
        expected = _logits(gray, x)
        precision = gray_runtime.info.precision
        near = 1e-3 if precision == "fp32" else _NEAR[precision] * float(expected.std())
        assert np.allclose(gray_runtime.logits(x), expected, atol=near)
        assert gray_runtime.info.class_names == ()
        answer = gray_runtime.predict([np.full((20, 20, 3), 200, np.uint8), np.full((20, 20), 200, np.uint8)])
        assert answer.names == ("0", "1", "2", "3")
        assert np.allclose(answer.probabilities[0], answer.probabilities[1])
        assert answer.top(99)[0][0].name in answer.names

    def test_numbers_that_overflow_are_an_error(self, runtime: Runtime) -> None:
        with pytest.raises(ServeError, match="finite"):
            runtime.probabilities(np.array([[np.nan, 0, 0, 0, 0]], dtype=np.float32))
