"""How fast networks train and answer here, ours and those of other libraries, side by side in one run."""

from netwright.bench.contender import LIBRARIES, Contender, Network, contenders, open_network, peer_of
from netwright.bench.run import Benchmark, Measured, measure
from netwright.bench.settings import Settings
from netwright.bench.table import to_csv, to_json, to_table

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
