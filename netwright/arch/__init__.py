"""What a network is, and what it costs. numpy only."""

from netwright.arch.batch import ArchBatch
from netwright.arch.block import BLOCKS, STEMS, Block, StemKind
from netwright.arch.catalog import ALIASES, NETWORKS, PUBLISHED, canonical_name, published
from netwright.arch.costs import Complexity, complexity
from netwright.arch.divisible import ROUNDING, compatible, compatible_groups
from netwright.arch.regnet import LinearFit, block_widths, fit, regnet, stages_of
from netwright.arch.scaling import scale_to_flops
from netwright.arch.spec import Arch, Stage, Stem

__all__ = [
    "ALIASES",
    "BLOCKS",
    "NETWORKS",
    "PUBLISHED",
    "ROUNDING",
    "STEMS",
    "Arch",
    "ArchBatch",
    "Block",
    "Complexity",
    "LinearFit",
    "Stage",
    "Stem",
    "StemKind",
    "block_widths",
    "canonical_name",
    "compatible",
    "compatible_groups",
    "complexity",
    "fit",
    "published",
    "regnet",
    "scale_to_flops",
    "stages_of",
]
