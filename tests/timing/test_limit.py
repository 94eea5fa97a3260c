import pytest

from netwright.errors import RecipeError
from netwright.timing.limit import LatencyLimit, latency_limit
from netwright.timing.setting import LatencySetting, device_facts


def test_a_limit_is_a_time_with_a_unit():
    limit = LatencyLimit("0.8ms", latency_threads=2)
    assert limit.ms == pytest.approx(0.8)
    assert limit.in_words() == "at most 0.800 ms (onnx fp32, batch 1, 2 threads)"
    assert LatencyLimit(**limit.to_dict()) == limit


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_latency": "5"}, "a latency is a time with its unit, like 5ms"),
        ({"max_latency": "5m"}, "not '5m'"),
        ({"max_latency": 0.0}, "a latency is a time"),
        (
            {"runtime": "openvino"},
            "runtime says how a limit on latency is measured, and there is none. Give max_latency",
        ),
        ({"max_latency": "5ms", "runtime": "onnx", "latency_precision": "bf16"}, "onnx does not compute in bf16"),
        ({"max_latency": "5ms", "runtime": "openvino", "latency_precision": "fp16"}, "--runtime onnx or torch"),
        ({"max_latency": "5ms", "latency_device": "cuda"}, "Give --runtime torch"),
        ({"max_latency": "5ms", "latency_networks": 3}, "latency_networks is a whole number of at least 20, not 3"),
        ({"max_latency": "5ms", "latency_batch": 0}, "latency_batch is a whole number of at least 1"),
        ({"max_latency": "5ms", "runtime": "tvm"}, "runtime is one of onnx, openvino, torch"),
    ],
)
def test_what_is_no_limit_is_refused(options, says):
    with pytest.raises(RecipeError, match=says):
        latency_limit(options)


def test_nothing_given_is_no_limit():
    assert latency_limit({}) is None
    assert latency_limit({"max_latency": None, "runtime": None}) is None


def test_a_setting_is_resolved_to_what_is_measured(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert LatencySetting().resolved().threads == 3
    assert LatencySetting(threads=1).resolved() == LatencySetting(threads=1)
    facts = device_facts(LatencySetting("openvino"))
    assert facts["device"]
    assert "openvino" in facts
    assert "onnxruntime" not in facts


def test_int8_is_for_files():
    with pytest.raises(RecipeError, match=r"become int8 by calibration.*netwright export REF"):
        LatencySetting(precision="int8").refuse_impossible()
