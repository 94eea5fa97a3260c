"""Trainings on the simulated device give what those on the processor give."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.slow

TRAIN = """
import netwright
from netwright.weights import load_model
options = dict(data_dir="digits", model="regnet_x_200mf", image_size=16, epochs=2, decay_epochs=None, batch_size=32,
               num_samples=160, seed=3)
def weights(out):
    return {name: value for name, value in load_model(out).module.state_dict().items() if value.is_floating_point()}
def gap(a, b):
    return max(float((a[name] - b[name]).abs().max()) for name in a)
"""


def test_a_training_is_that_of_the_processor(npu: Callable[..., Any]) -> None:
    found = npu(
        TRAIN
        + """
options |= dict(image_size=32, batch_size=64, num_samples=256, epochs=1, lr=1e-4, warmup_epochs=0, scheduler="constant")
netwright.train(**options, device="cpu", precision="fp32", out="cpu")
netwright.train(**options, device="npu:0", precision="fp32", out="npu")
show(gap=gap(weights("cpu"), weights("npu")), largest=max(float(v.abs().max()) for v in weights("cpu").values()))
"""
    )
    assert found["gap"] < 5e-3 * found["largest"]  # memory formats and optimizers without a fused step round otherwise


def test_mixed_precision_average_and_random_state_survive_an_interruption(npu: Callable[..., Any]) -> None:
    found = npu(
        TRAIN
        + """
more = options | dict(num_samples=96, device="npu", precision="fp16", ema=True, drop_path_rate=0.3, drop_rate=0.2)
netwright.train(**more, out="whole")
import netwright.training.session as session
class Stop(BaseException): pass
old = session.train_epoch
def once(engine, batches, meter, *rest):
    if meter.epoch == 2:
        raise Stop
    return old(engine, batches, meter, *rest)
session.train_epoch = once
try:
    netwright.train(**more, out="parted")
except Stop:
    pass
session.train_epoch = old
torch.manual_seed(99)  # another state of the device, as after a new start
netwright.train(**more, out="parted")
show(gap=gap(weights("whole"), weights("parted")),
     average=gap(*({k: v for k, v in load_model(each, ema=True).module.state_dict().items() if v.is_floating_point()}
                   for each in ("whole", "parted"))))
"""
    )
    assert found == {"gap": 0.0, "average": 0.0}


def test_nothing_is_copied_without_reason(npu: Callable[..., Any]) -> None:
    found = npu(
        TRAIN
        + """
import netwright.training.session as session
old, seen = session.train_epoch, []
def counted(engine, batches, meter, *rest):
    copies.clear()
    result = old(engine, batches, meter, *rest)
    seen.append([dict(copies.to_device), dict(copies.to_host)])
    return result
session.train_epoch = counted
netwright.train(**options | dict(batch_size=8), device="npu", ema=True, drop_path_rate=0.1, out="run")
def by_function(counted):
    found = {}
    for (file, _, function), many in counted.items():
        found[f"{file} {function}"] = found.get(f"{file} {function}", 0) + many
    return found
show(counts=list(map(by_function, seen[-1])))
"""
    )
    steps = 160 // 8
    to_device, to_host = found["counts"]
    assert to_device == {"loader/batch.py to_device": 2 * steps}  # images and labels
    # the loss is looked at every 16 steps and at the end, and printed once
    assert to_host.pop("training/engine.py train_epoch") == 3
    assert sum(to_host.values()) <= 1


def test_trials_are_those_of_the_processor(npu: Callable[..., Any]) -> None:
    found = npu(
        """
        import netwright
        options = dict(data_dir="digits", trials=4, epochs=1, max_flops=0.6e6, seed=1, train_images=300)
        def errors(out):
            frame = netwright.Population.open(out).frame()
            return frame["error"].tolist(), frame["state"].tolist(), frame["reason"].tolist()
        netwright.sweep("regnetx", **options, device="cpu", out="cpu")
        netwright.sweep("regnetx", **options, device="npu:0", workers=2, out="npu")
        notes = netwright.Population.open("npu").notes["provenance"]
        show(cpu=errors("cpu"), npu=errors("npu"), where=json.dumps(notes))
        """
    )
    assert found["npu"][1:] == [["done"] * 4, [None] * 4]
    # rounding alone moves such short trainings by several points, and not by more than another seed does
    assert max(abs(a - b) for a, b in zip(found["cpu"][0], found["npu"][0], strict=True)) <= 15.0
    assert "npu:0" in found["where"]
