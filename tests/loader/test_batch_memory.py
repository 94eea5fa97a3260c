import torch

from netwright.loader.batch_memory import PREFETCHED, BatchMemory
from netwright.loader.worker_pool import WorkerPool

CPU = torch.device("cpu")


def test_in_one_process_each_batch_has_its_own():
    memory = BatchMemory()
    batches = [memory.pixels(2, 3) for _ in range(20)]
    assert len({batch.data_ptr() for batch in batches}) == 20
    assert (batches[0].shape, batches[0].dtype) == ((2, 3), torch.uint8)


class Numbered:
    """A reader whose batches are full of their numbers; other sizes by turns."""

    def __init__(self, *, is_reused):
        self.memory = BatchMemory(is_reused=is_reused)

    def __call__(self, number):
        pixels = self.memory.pixels(1 + number % 7, 100)
        return pixels.fill_(number)


def test_workers_use_theirs_again_after_the_training_is_done_with_it():
    for is_reused in (True, False):
        pool = WorkerPool(Numbered(is_reused=is_reused), 2, CPU)
        held = []
        for number, batch in enumerate(pool.batches(range(40))):
            assert batch.shape == (1 + number % 7, 100)
            held = [*held, batch][-PREFETCHED:]
            assert [int(each.float().mean()) for each in held] == list(range(number + 1))[-PREFETCHED:]
        pool.close()
