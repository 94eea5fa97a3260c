"""How fast networks train and answer here, ours and those of other libraries, side by side in one run."""

from netwright.benchmark.contender import LIBRARIES, Contender, Network, contenders, open_network, peer_of
from netwright.benchmark.run import Benchmark, Measured, measure
from netwright.benchmark.settings import Settings
from netwright.benchmark.table import to_csv, to_json, to_table

__all__ = [
    "LIBRARIES",
    "Benchmark",
    "Contender",
    "Measured",
    "Network",
    "Settings",
    "contenders",
    "measure",
    "open_network",
    "peer_of",
    "to_csv",
    "to_json",
    "to_table",
]
