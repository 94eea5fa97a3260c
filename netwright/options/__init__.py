"""Options declared once, as dataclass fields: values, YAML, command-line flags and help are all made from them."""

from netwright.options.check import check_options, check_value, describe
from netwright.options.color import read_color
from netwright.options.declare import Constraint, Option, option, options_of
from netwright.options.duration import duration_in_words, latency_in_words, read_duration, read_latency
from netwright.options.quantity import read_quantity, read_window
from netwright.options.read import TRUTHS, read_value

__all__ = [
    "TRUTHS",
    "Constraint",
    "Option",
    "check_options",
    "check_value",
    "describe",
    "duration_in_words",
    "latency_in_words",
    "option",
    "options_of",
    "read_color",
    "read_duration",
    "read_latency",
    "read_quantity",
    "read_value",
    "read_window",
]
