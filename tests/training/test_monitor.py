import io
import logging
from dataclasses import replace

import torch

from netwright.training.monitor import ConsoleMonitor
from netwright.training.records import EpochRecord, Score

RECORD = EpochRecord(
    epoch=1,
    loss=1.25,
    train_error=40.0,
    lr=0.1,
    validation=Score(71.5, 99.25, 0.8125, 200),
    ema=Score(70.0, None, 0.9, 200),
    train_seconds=3.0,
    eval_seconds=1.0,
    images_per_second=1234.0,
    skipped=2,
    bad_images=1,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_are_those_of_mindcv():
    stream = io.StringIO()
    monitor = ConsoleMonitor(stream)
    monitor.start(2, 5, 2)
    monitor.start_epoch(1, 0, 8)
    for batches in range(1, 6):
        monitor.step(batches, torch.tensor(1.0 / batches), 0.05)
    monitor.end_epoch(RECORD)
    monitor.close()
    lines = stream.getvalue().splitlines()
    assert [line.rpartition(", time: ")[0] for line in lines[:3]] == [
        "Epoch: [1/2], batch: [2/5], loss: 0.500000, lr: 0.050000",
        "Epoch: [1/2], batch: [4/5], loss: 0.250000, lr: 0.050000",
        "Epoch: [1/2], batch: [5/5], loss: 0.200000, lr: 0.050000",
    ]
    assert lines[3:] == [
        "epoch 1/2: loss 1.2500, accuracy 60.00%; validation accuracy 71.50%, top-5 99.25%, loss 0.8125; "
        "moving average accuracy 70.00%, loss 0.9000; 1,234 images/s, 4.0 s; 2 steps skipped; 1 bad image"
    ]


def test_top_5_is_shown_by_the_number_of_classes_whatever_it_is():
    for classes, is_shown in ((5, False), (10, False), (11, True)):
        for top5 in (99.25, 100.0):
            stream, score = io.StringIO(), Score(71.5, top5, 0.8125, 200, classes=classes)
            monitor = ConsoleMonitor(stream)
            monitor.start(2, 5, 2)
            monitor.end_epoch(replace(RECORD, validation=score))
            monitor.close()
            assert (f"top-5 {top5:.2f}%" in stream.getvalue()) == is_shown


def test_a_terminal_has_a_bar_and_the_lines_that_stay():
    stream = Terminal()
    monitor = ConsoleMonitor(stream)
    monitor.start(1, 2, 1)
    monitor.start_epoch(1, 0, 8)
    monitor.step(1, torch.tensor(0.5), 0.05)
    monitor.end_epoch(RECORD)
    monitor.close()
    assert "accuracy 60.00%" in stream.getvalue()
    assert "batch: [" not in stream.getvalue()


def test_a_terminal_that_nobody_watches_has_no_bar():
    stream = Terminal()
    monitor = ConsoleMonitor(stream)
    monitor.start(1, 1, 1, live=False)
    monitor.start_epoch(1, 0, 8)
    monitor.step(1, torch.tensor(0.5), 0.05)
    monitor.close()
    assert stream.getvalue().startswith("Epoch: [1/1], batch: [1/1], loss: 0.500000")


def test_what_is_logged_is_shown_while_it_is_open_and_not_afterwards():
    stream, log = io.StringIO(), logging.getLogger("netwright.training.run")
    monitor = ConsoleMonitor(stream)
    monitor.start(1, 1, 1)
    log.info("resuming from epoch %d", 3)
    monitor.close()
    log.info("later")
    monitor.close()
    assert stream.getvalue() == "resuming from epoch 3\n"
