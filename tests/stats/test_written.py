import numpy as np
import pandas as pd

from netwright.stats.written import written_numbers


def test_numbers_percent_signs_and_words_are_told_apart():
    read = written_numbers(pd.Series(["31.5", " diverged", None, "-", "inf", "Failed"]))
    np.testing.assert_array_equal(read.values, [31.5, np.nan, np.nan, np.nan, np.inf, np.nan])
    assert read.failures == ("Failed", "diverged")
    assert (read.unknown, read.is_percent) == ((), False)
    assert written_numbers(pd.Series(["1 %", "20%", ""])).is_percent


def test_what_cannot_be_read_is_named():
    assert written_numbers(pd.Series(["1", "killed", "37,1"])).unknown == ("37,1", "killed")
    assert written_numbers(pd.Series(["0.3", "30%"])).unknown == ("30%",)
