import pytest
import torch

from netwright.errors import RecipeError
from netwright.nn import build
from netwright.training.compiled import compile_module
from netwright.training.engine import Engine

CPU = torch.device("cpu")


def test_without_a_compiler_it_is_said_before_the_training(tiny, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(RecipeError, match=r"needs the C\+\+ compiler 'no-such-compiler' .* or set compile to False"):
        compile_module(build(tiny), CPU)


@pytest.mark.slow  # torch imports its compiler
def test_the_loop_calls_a_compiled_network_and_asks_it_for_nothing_else(tiny):
    module = build(tiny)
    engine = Engine(
        module,
        torch.optim.SGD(module.parameters(), lr=0.1),
        lr_schedule=lambda step: 0.1,
        criterion=torch.nn.functional.cross_entropy,
        wrapped=compile_module(module, CPU),
    )
    with torch.compiler.set_stance("force_eager"):  # all of the compiled module but the compiler
        loss, logits = engine.backward(torch.zeros(2, 1, 8, 8), torch.tensor([0, 1]), 1.0, sync=True)
    assert logits.shape == (2, 10)
    assert bool(torch.isfinite(loss))
