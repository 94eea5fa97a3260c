"""What a network is, and what it costs. numpy only."""

from netwright.arch.batch import ArchBatch
from netwright.arch.catalog import PUBLISHED, published, scale_to_flops
from netwright.arch.costs import Complexity, complexity
from netwright.arch.divisible import ROUNDING, compatible
from netwright.arch.regnet import LinearFit, block_widths, fit, regnet, stages_of
from netwright.arch.spec import BLOCKS, STEMS, Arch, Stage, Stem

__all__ = [
    "BLOCKS",
    "PUBLISHED",
    "ROUNDING",
    "STEMS",
    "Arch",
    "ArchBatch",
    "Complexity",
    "LinearFit",
    "Stage",
    "Stem",
    "block_widths",
    "compatible",
    "complexity",
    "fit",
    "published",
    "regnet",
    "scale_to_flops",
    "stages_of",
]
