from collections.abc import Callable

import pytest
import torch
from torch.nn import functional

from netwright.bench import Settings, build_contender, timed_network
from netwright.bench.timed_network import TimedNetwork, matmul_rate

CPU = torch.device("cpu")
Quick = Callable[..., Settings]


class Clock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(timed_network, "time", made)
    return made


def test_training_is_sgd_with_nesterov_momentum(tiny_yaml: str, quick: Quick) -> None:
    settings = quick()
    trained = TimedNetwork(build_contender(tiny_yaml), settings, CPU)
    trained.train(3)
    module = build_contender(tiny_yaml).module.train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(module.parameters(), lr=1e-4, momentum=0.9, nesterov=True, weight_decay=5e-5)
    for _ in range(3):
        optimizer.zero_grad()
        functional.cross_entropy(module(trained.x), trained.target).backward()
        optimizer.step()
    for name, value in module.state_dict().items():
        torch.testing.assert_close(trained.module.state_dict()[name], value, rtol=1e-4, atol=1e-6)


def test_a_compiled_network_is_timed_by_the_same_loop(tiny_yaml: str, quick: Quick) -> None:
    compiled = TimedNetwork(build_contender(tiny_yaml), quick(compile=True), CPU)
    plain = TimedNetwork(build_contender(tiny_yaml), quick(), CPU)
    with torch.compiler.set_stance("force_eager"):  # all of the compiled module but the compiler
        compiled.warm_up(train=True, infer=True)
    plain.warm_up(train=True, infer=True)
    for one, other in zip(compiled.module.parameters(), plain.module.parameters(), strict=True):
        assert torch.equal(one, other)


def test_inference_changes_nothing(tiny_yaml: str, quick: Quick) -> None:
    answering = TimedNetwork(build_contender(tiny_yaml), quick(), CPU)
    answering.infer(2)
    answering.infer(1, images=1)
    for name, value in build_contender(tiny_yaml).module.state_dict().items():
        assert torch.equal(answering.module.state_dict()[name], value), name


@pytest.mark.parametrize("channels_last", [True, False])
def test_memory_layout(tiny_yaml: str, quick: Quick, channels_last: bool) -> None:
    made = TimedNetwork(build_contender(tiny_yaml), quick(channels_last=channels_last), CPU)
    weight = made.module.get_parameter("s1.b1.f.b.weight")
    assert weight.is_contiguous(memory_format=torch.channels_last) is channels_last


def test_rates_count_images(tiny_yaml: str, quick: Quick, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    made = TimedNetwork(build_contender(tiny_yaml), quick(batch_size=8), CPU)
    done: list[int] = []

    def work(steps: int) -> None:
        done.append(steps)
        clock.now += 0.25 * steps

    monkeypatch.setattr(made, "train", work)
    assert made.train_rate(2.0) == pytest.approx(8 / 0.25)
    assert done == [1, 7]  # the first says how often it goes into the rest
    done.clear()
    assert made.train_rate(0.0) == pytest.approx(8 / 0.25)
    assert done == [1]


def test_latencies_are_milliseconds_of_single_images(
    tiny_yaml: str, quick: Quick, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = TimedNetwork(build_contender(tiny_yaml), quick(), CPU)

    def work(steps: int, images: int | None = None) -> None:
        assert (steps, images) == (1, 1)
        clock.now += 0.5

    monkeypatch.setattr(made, "infer", work)
    assert made.latencies(2.0) == [500.0] * 4
    assert made.latencies(0.0) == [500.0]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_matrix_product_counts_two_operations_a_multiply_add(
    precision: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    products: list[torch.Tensor] = []

    def mm(a: torch.Tensor, b: torch.Tensor, out: torch.Tensor) -> None:
        products.append(a)
        clock.now += 0.5

    monkeypatch.setattr(torch, "mm", mm)
    assert matmul_rate(precision, CPU, 0.0, side=10) == pytest.approx(2 * 10**3 / 0.5)
    assert {each.dtype for each in products} == {torch.float32 if precision == "fp32" else torch.bfloat16}
