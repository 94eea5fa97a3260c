"""The exceptions a user can meet, as one tree.

NetwrightError
├── ArchError         a network that cannot exist or be read (a width that is no multiple of its groups, ...)
├── SpaceError        a design space that is malformed, empty, or too small for what was asked
├── RecipeError       a training recipe with an unknown key or an impossible value
├── DataError         images that cannot be found, read, or split
├── PopulationError   a population that is missing, damaged, locked, or of another space or recipe
├── StatsError        a table or sample that a statistic cannot be computed from
├── WeightsError      weights that cannot be found, read, or matched to a network
├── ExportError       a network that cannot become such a file, or a file that is none or computes something else
├── ServeError        a server that cannot start, or a request that it does not answer
├── DistributedError  processes of one training that cannot start together, or of which one stopped
├── OutputError       a folder or disk that cannot be written
└── TrialError        a trial that failed; recorded in its population, never fatal to a sweep
    └── Diverged      the loss became NaN or infinite

Each message says the constraint, the values and the cure. Anything else that escapes is a bug of ours.
"""

__all__ = [
    "ArchError",
    "DataError",
    "DistributedError",
    "Diverged",
    "ExportError",
    "NetwrightError",
    "OutputError",
    "PopulationError",
    "RecipeError",
    "ServeError",
    "SpaceError",
    "StatsError",
    "TrialError",
    "WeightsError",
]


class NetwrightError(Exception):
    """The root: catch this to catch every mistake that a message explains."""


class ArchError(NetwrightError):
    """A network that cannot exist or cannot be read."""


class SpaceError(NetwrightError):
    """A design space that is malformed, empty, or too small for what was asked."""


class RecipeError(NetwrightError):
    """A training recipe with an unknown key or an impossible value."""


class DataError(NetwrightError):
    """Images that cannot be found, read, or split."""


class PopulationError(NetwrightError):
    """A population that is missing, damaged, locked, or of another space or recipe."""


class StatsError(NetwrightError):
    """A table or sample that a statistic cannot be computed from."""


class WeightsError(NetwrightError):
    """Weights that cannot be found, read, or matched to a network."""


class ExportError(NetwrightError):
    """A network that cannot become such a file, or a file that is none or computes something else."""


class ServeError(NetwrightError):
    """A server that cannot start, or a request that it does not answer."""


class DistributedError(NetwrightError):
    """Processes of one training that cannot start together, or of which one stopped."""


class OutputError(NetwrightError):
    """A folder or disk that cannot be written."""


class TrialError(NetwrightError):
    """A trial that failed; its message becomes the recorded reason."""


class Diverged(TrialError):  # noqa: N818 - what happened to the trial, as its reason says
    """The loss became NaN or infinite."""
