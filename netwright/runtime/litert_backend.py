"""LiteRT (TensorFlow Lite) as a backend."""

from __future__ import annotations

import queue
from typing import Any

from netwright.errors import ExportError
from netwright.runtime.runtime import FloatArray
from netwright.system.extras import optional
from netwright.system.machine import processors

__all__ = ["LiteRtBackend"]


class LiteRtBackend:
    """A LiteRT graph on the processors, by XNNPACK. Several threads may call it at once.

    Args:
        content: The bytes of a .tflite file.
        threads: Of one call; None for as many as this process may use.
        path: Of the file, for messages.
    """

    takes_tensors = False

    def __init__(self, content: bytes, threads: int | None, path: str) -> None:
        self._library: Any = optional("ai_edge_litert.interpreter", "litert")
        self._content, self._path = content, path
        self._threads = threads or processors()
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._free.put(self._interpreter())

    def __call__(self, inputs: FloatArray) -> FloatArray:
        try:  # an interpreter computes one call at a time; a busy server gets as many as it has threads
            interpreter = self._free.get_nowait()
        except queue.Empty:
            interpreter = self._interpreter()
        try:
            source, last = (each[0] for each in (interpreter.get_input_details(), interpreter.get_output_details()))
            if tuple(source["shape"]) != inputs.shape:
                interpreter.resize_tensor_input(source["index"], inputs.shape)
                interpreter.allocate_tensors()
            interpreter.set_tensor(source["index"], inputs)
            interpreter.invoke()
            logits: FloatArray = interpreter.get_tensor(last["index"])  # a copy
        finally:
            self._free.put(interpreter)
        return logits

    def close(self) -> None:
        """Forget the interpreters that are free; those that compute go when they are done."""
        while not self._free.empty():
            self._free.get_nowait()
        self._content = b""

    def _interpreter(self) -> Any:
        try:
            made = self._library.Interpreter(model_content=self._content, num_threads=self._threads)
            made.allocate_tensors()
        except Exception as error:  # ValueError and RuntimeError mostly, and what the bindings make of others
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
            raise ExportError(f"LiteRT cannot load {self._path}: {reason}. Export it again.") from error
        return made
