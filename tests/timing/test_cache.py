from dataclasses import replace
from pathlib import Path

import pytest

from netwright.timing.cache import LatencyCache, network_key
from netwright.timing.timed import Latency

ABOUT = {"device": {"device": "a processor"}, "setting": {"threads": 1}}
FOUND = Latency(2.0, 1.9, 2.1, 0.5, 1.2, 15)


def test_a_latency_is_kept_as_a_ratio(tmp_path: Path):
    cache = LatencyCache(ABOUT, tmp_path)
    assert cache.get("key") is None
    cache.put("key", FOUND)
    assert cache.get("key") is None  # without the reference's time a ratio is no latency
    assert cache.saw_reference(0.5) == 0.5
    assert cache.get("key") == FOUND
    assert cache.get("key").ms == 1.0
    assert cache.saw_reference(0.7) == 0.5  # a busier session
    assert cache.saw_reference(0.4) == 0.4
    assert LatencyCache(ABOUT, tmp_path).get("key") == replace(FOUND, reference_ms=0.4)


def test_another_device_or_setting_is_kept_apart(tmp_path: Path):
    cache = LatencyCache(ABOUT, tmp_path)
    cache.saw_reference(0.5)
    cache.put("key", FOUND)
    assert LatencyCache(ABOUT | {"setting": {"threads": 2}}, tmp_path).get("key") is None
    assert LatencyCache(ABOUT | {"device": {"device": "another"}}, tmp_path).get("key") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"ratio": "x"}', '{"ratio": -1, "low": 1, "high": 1}'])
def test_a_damaged_file_is_as_none(tmp_path: Path, text: str):
    cache = LatencyCache(ABOUT, tmp_path)
    cache.saw_reference(0.5)
    cache.put("key", FOUND)
    [path] = tmp_path.rglob("key.json")
    path.write_text(text)
    assert cache.get("key") is None


def test_a_cache_that_cannot_be_written_is_none(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    cache = LatencyCache(ABOUT, tmp_path / "file")
    assert cache.saw_reference(0.5) == 0.5
    cache.put("key", FOUND)
    assert cache.get("key") is None


def test_a_network_is_known_whatever_its_name(tiny, tmp_path: Path):
    assert network_key(tiny) == network_key(replace(tiny, name="other"))
    assert network_key(tiny) != network_key(replace(tiny, resolution=16))
    path = tmp_path / "model.xml"
    path.write_text("graph")
    path.with_suffix(".bin").write_text("weights")
    before = network_key(path)
    path.with_suffix(".bin").write_text("others")
    assert network_key(path) != before
