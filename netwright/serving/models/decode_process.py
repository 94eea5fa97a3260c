"""The process that decodes large images: `python -m netwright.serving.models.decode_process BYTES`, of its memory.

Pillow decodes PNG and WebP in calls of C that let no other thread run: tens of milliseconds each, several of them while
the event loop wants to look at its sockets. In a process of its own it holds up nobody.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading

from netwright.data.preprocess import Preprocessing
from netwright.data.source import Pixels
from netwright.errors import DataError
from netwright.serving.child import Child, answer_questions
from netwright.serving.errors import RequestError

__all__ = ["LargeDecoder"]

_OWN_BYTES = 128 << 20  # of data that the process takes besides images
_TOO_LARGE = "this image takes more memory than there is."


class LargeDecoder:
    """Processes that decode images. Its methods are for any thread.

    Args:
        most: Processes; they start when they are needed.
        memory: Bytes that each may decode in.
    """

    def __init__(self, most: int, memory: int) -> None:
        self._children = [Child(__name__, memory + _OWN_BYTES) for _ in range(most)]
        self._idle: queue.LifoQueue[Child] = queue.LifoQueue()
        self._closing = threading.Event()
        for each in self._children:
            self._idle.put(each)

    def decode(self, image: bytes, preprocessing: Preprocessing) -> Pixels:
        """As `preprocessing.pixels`; it waits for a process.

        Raises:
            DataError: It cannot be read.
            MemoryError: It takes more memory than there is.
        """
        child = self._idle.get()
        try:
            if self._closing.is_set():
                raise RequestError("unavailable", "the server is stopping.", retry_after=1)
            found = child.ask(image, preprocessing)
        except (OSError, EOFError):  # it has died
            child.close()
            raise MemoryError from None
        finally:
            if self._closing.is_set():
                child.close()
            self._idle.put(child)
        if found[0]:
            pixels: Pixels = found[1]
            return pixels
        raise MemoryError if found[2] == _TOO_LARGE else DataError(found[2])

    def close(self) -> None:
        """End the processes; what they decode is given up."""
        self._closing.set()
        for each in self._children:
            each.kill()  # the thread that waits for it closes it
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()


def _decode(image: bytes, preprocessing: Preprocessing) -> Pixels:
    try:
        return preprocessing.pixels(image)
    except DataError as error:
        if isinstance(error.__cause__, MemoryError):
            raise MemoryError from error
        raise RequestError("no_image", str(error)) from error


if __name__ == "__main__":
    answer_questions(_decode, _TOO_LARGE, int(sys.argv[1]))
