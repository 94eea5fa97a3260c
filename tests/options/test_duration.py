import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwright.options import duration_in_words, latency_in_words, read_duration, read_latency


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("20m", 1200),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("1 h 30 min", 5400),
        ("20 minutes", 1200),
        ("1d", 86400),
        (45, 45),
        (0.5, 0.5),
    ],
)
def test_lengths_of_time_as_people_write_them(text, seconds):
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "20", "20x", "-5m", "0s", "20m!", "1h-2m", 0, -1, math.nan, math.inf, True])
def test_what_is_no_length_of_time(text):
    with pytest.raises(ValueError, match=r"a length of time is like 90s, 20m, 2h or 1h30m, not "):
        read_duration(text)


@pytest.mark.parametrize("text", ["400M", "1.5G", "20k"])
def test_flops_are_told_from_minutes(text):
    with pytest.raises(ValueError, match=f"not '{text}': a small m is minutes. Flops.* --flops"):
        read_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1 second"),
        (45, "45 seconds"),
        (86, "86 seconds"),
        (90, "1.5 minutes"),
        (1200, "20 minutes"),
        (5100, "85 minutes"),
        (5400, "1.5 hours"),
        (28800, "8 hours"),
    ],
)
def test_lengths_of_time_in_words(seconds, text):
    assert duration_in_words(seconds) == text


@given(st.floats(1, 1e6))
def test_words_are_near(seconds):
    number, unit = duration_in_words(seconds).split()
    length = {"second": 1, "minute": 60, "hour": 3600}[unit.removesuffix("s")]
    assert float(number.replace(",", "")) * length == pytest.approx(seconds, rel=0.06, abs=0.5)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5ms", 5e-3), ("0.8 ms", 8e-4), ("250us", 2.5e-4), ("250 µs", 2.5e-4), ("1S", 1), (0.005, 5e-3)],
)
def test_latencies_as_people_write_them(text, seconds):
    assert read_latency(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["5", "", "ms", "5m", "-5ms", "0ms", "5 msec", "1e400s", 0, -1, math.nan, True])
def test_what_is_no_latency(text):
    with pytest.raises(ValueError, match=r"a latency is a time with its unit, like 5ms, 0.8ms or 250us, not "):
        read_latency(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.871e-3, "4.87 ms"), (2.13e-4, "0.213 ms"), (0.0123, "12.3 ms"), (1.24, "1,240 ms")]
)
def test_a_latency_has_three_digits(seconds, text):
    assert latency_in_words(seconds) == text
