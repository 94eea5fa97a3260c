"""A limit on latency, as commands and configurations take it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from netwright.errors import RecipeError
from netwright.options import check_options, latency_in_words, option, options_of, read_latency
from netwright.timing.setting import RUNTIMES, LatencySetting

__all__ = ["LatencyLimit", "latency_limit"]


@dataclass(frozen=True)
class LatencyLimit:
    """The longest that a network may take to answer, and in what that is measured. RecipeError for an impossible value.

    Attributes:
        max_latency: Seconds, or a text with a unit.
    """

    max_latency: float | str = option(
        "",
        "longest time of an answer on this device, e.g. 5ms: measured, and predicted while sampling",
        metavar="LATENCY",
    )
    runtime: str = option("onnx", "what computes it", choices=RUNTIMES)
    latency_precision: str = option("fp32", "what it computes in", choices=("fp32", "bf16", "fp16"))
    latency_batch: int = option(1, "images that are answered together", low=1, metavar="N")
    latency_threads: int | None = option(
        None, "of one answer; OMP_NUM_THREADS counts too", low=1, metavar="T", default_text="as many as processors"
    )
    latency_device: str = option("cpu", "cpu; or cuda, cuda:1, ... for --runtime torch", metavar="DEVICE")
    latency_networks: int = option(40, "networks that are measured to fit the predictor", low=20, metavar="N")

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "max_latency", read_latency(self.max_latency))
        except ValueError as error:
            raise RecipeError(f"max_latency: {error}. Correct 'max_latency'.") from error
        check_options(self)
        self.setting.refuse_impossible()

    @property
    def ms(self) -> float:
        """Milliseconds."""
        return 1e3 * float(self.max_latency)

    @property
    def setting(self) -> LatencySetting:
        """In what it is measured."""
        return LatencySetting(
            self.runtime, self.latency_precision, self.latency_batch, self.latency_threads, self.latency_device
        )

    def in_words(self) -> str:
        """`at most 5.00 ms (onnx fp32, batch 1, 2 threads)`."""
        return f"at most {latency_in_words(self.ms / 1e3)} ({self.setting.resolved().in_words()})"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def latency_limit(options: Mapping[str, Any]) -> LatencyLimit | None:
    """The limit of values by name, None where none is given.

    Raises:
        RecipeError: An impossible value, or one that would change nothing without `max_latency`.
    """
    names = [item.name for item in options_of(LatencyLimit)]
    given = {name: options[name] for name in names if options.get(name) is not None}
    if given and "max_latency" not in given:
        name = next(iter(given))
        raise RecipeError(
            f"{name} says how a limit on latency is measured, and there is none. Give max_latency too, such as 5ms."
        )
    return LatencyLimit(**given) if given else None
