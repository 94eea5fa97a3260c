"""The clock of CUDA, over simulated events: what it times, in which unit, and that no answer waits behind another."""

from contextlib import nullcontext
from typing import Any

import pytest
import torch

from netwright.timing.clocks import _EventClock


class Device:
    """A stream that runs what is queued, by a clock of its own. ms: what each answer takes, in turn."""

    def __init__(self, ms: list[float]) -> None:
        self.ms, self.now, self.waits, self.waiting = ms, 0.0, 0, 0
        device = self

        class Event:
            def __init__(self, enable_timing: bool) -> None:
                assert enable_timing
                self.at: float | None = None

            def record(self) -> None:
                self.at = device.now

            def synchronize(self) -> None:
                device.waits, device.waiting = device.waits + 1, 0

            def elapsed_time(self, end: Any) -> float:
                assert self.at is not None
                assert end.at is not None, "an event that was never recorded"
                return float(end.at - self.at)

        self.event = Event


class Module(torch.nn.Module):
    def __init__(self, device: Device) -> None:
        super().__init__()
        self.device, self.shapes = device, list[tuple[torch.Size, torch.dtype, bool]]()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.device.waiting += 1
        assert self.device.waiting == 1, "an answer waits behind another"
        assert torch.is_inference_mode_enabled()
        self.shapes.append((x.shape, x.dtype, x.is_contiguous(memory_format=torch.channels_last)))
        self.device.now += self.device.ms[(len(self.shapes) - 1) % len(self.device.ms)]
        return x


def test_an_answer_takes_the_median_of_what_lies_between_its_events(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device([2.0, 4.0, 90.0])
    monkeypatch.setattr(torch.cuda, "Event", device.event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    module = Module(device)
    clock = _EventClock(module, (2, 3, 8, 8), torch.float16, torch.device("cpu"))
    turn = clock(3)
    assert tuple(turn) == pytest.approx((0.004, 0.004))  # seconds; CUDA counts in ms
    assert device.waits == 3
    assert module.shapes == [(torch.Size((2, 3, 8, 8)), torch.float16, True)] * 3
    device.now = 1e6  # where the stream is does not matter
    assert tuple(clock(3)) == pytest.approx((0.004, 0.004))
    clock.close()
