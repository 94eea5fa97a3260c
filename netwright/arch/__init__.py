"""What a network is, and what it costs. numpy only."""

from netwright.arch.batch import ArchBatch, Kind
from netwright.arch.block import ACTIVATIONS, BLOCKS, STEMS, Block, StemKind
from netwright.arch.catalog import ALIASES, NETWORKS, PUBLISHED, canonical_name, published
from netwright.arch.costs import Complexity, complexity
from netwright.arch.divisible import ROUNDING, compatible, compatible_groups
from netwright.arch.family import scale, scale_family
from netwright.arch.joining import batch_of, join
from netwright.arch.linear_fit import LinearFit, LinearFits, e_fit_of, fit, fit_batch, fit_widths
from netwright.arch.network_file import read_network, write_network
from netwright.arch.regnet import block_widths, regnet, stages_of
from netwright.arch.scaling import scale_to, scale_to_flops
from netwright.arch.spec import Arch, Stage, Stem

__all__ = [
    "ACTIVATIONS",
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
    "Kind",
    "LinearFit",
    "LinearFits",
    "Stage",
    "Stem",
    "StemKind",
    "batch_of",
    "block_widths",
    "canonical_name",
    "compatible",
    "compatible_groups",
    "complexity",
    "e_fit_of",
    "fit",
    "fit_batch",
    "fit_widths",
    "join",
    "published",
    "read_network",
    "regnet",
    "scale",
    "scale_family",
    "scale_to",
    "scale_to_flops",
    "stages_of",
    "write_network",
]
