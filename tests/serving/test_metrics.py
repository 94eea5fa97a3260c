import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from netwright.serving.metrics import SHARED_FOLDER, Metrics
from netwright.serving.models.batcher import BatchRecord
from netwright.serving.protocol.statistics import statistics
from netwright.serving.supervisor.process import Server

pytest.importorskip("prometheus_client")


def of(metrics: Metrics, name: str = "cats", version: int = 2) -> dict[str, Any]:
    models = [SimpleNamespace(name=name, version=version)]
    (found,) = statistics(cast("Any", models), metrics.samples())
    return found


def test_a_batch_is_counted_for_prometheus_and_for_triton() -> None:
    metrics = Metrics()
    metrics.on_batch("cats", 2, BatchRecord(3, 0.5, 0.25, 0.05, requests=2, queued=0.75, parts=((2, 0.1), (1, 0.1))))
    metrics.on_batch("cats", 2, BatchRecord(3, 0.0, 0.25, 0.05, parts=((3, 0.2),)))
    metrics.on_batch("cats", 2, BatchRecord(4, waited=1.0, seconds=2.0, requests=3, queued=1.5, has_failed=True))
    metrics.on_batch("cats", 1, BatchRecord(1, waited=0.0, seconds=0.1))
    said = of(metrics)
    assert (said["inference_count"], said["execution_count"]) == (6, 3)
    spent = {name: (each["count"], each["ns"] / 1e9) for name, each in said["inference_stats"].items()}
    assert spent == {
        "success": (3, pytest.approx(1.5)),  # two that waited 0.75 s together, and 0.25 s of computing each
        "fail": (3, pytest.approx(7.5)),
        "queue": (3, pytest.approx(0.75)),
        "compute_input": (3, pytest.approx(0.15)),
        "compute_infer": (3, pytest.approx(0.6)),
        "compute_output": (3, 0),
        "cache_hit": (0, 0),
        "cache_miss": (0, 0),
    }
    sizes = {each["batch_size"]: each["compute_infer"] for each in said["batch_stats"]}
    assert sizes == {1: {"count": 1, "ns": 10**8}, 2: {"count": 1, "ns": 10**8}, 3: {"count": 1, "ns": 2 * 10**8}}
    text = metrics.text()[0].decode()
    assert 'netwright_images_total{model="cats",version="2"} 6.0' in text
    assert 'netwright_inferences_total{model="cats",result="fail",version="2"} 3.0' in text
    assert of(metrics, "dogs")["inference_count"] == 0


# each child is a worker: it counts on in the files of its place, and is killed
TWENTY_WORKERS = """
import os, signal, sys
from pathlib import Path
from netwright.serving.models.batcher import BatchRecord
from netwright.serving.metrics import SHARED_FOLDER, Metrics, share

for number in range(20):
    child = os.fork()
    if child == 0:
        share(number % 2)
        metrics = Metrics()
        metrics.worker_restarts.labels("died").inc()
        metrics.workers_ready.set(1)
        for size in (1, 2):
            metrics.on_batch("cats", 1, BatchRecord(size, 0.1, 0.1))
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    if number == 1:
        sizes = {path.name: path.stat().st_size for path in Path(os.environ[SHARED_FOLDER]).iterdir()}
assert sizes == {path.name: path.stat().st_size for path in Path(os.environ[SHARED_FOLDER]).iterdir()}
print(sorted(sizes))
print(Metrics().text()[0].decode())
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_twenty_killed_workers_leave_the_files_of_two_and_all_that_they_counted(tmp_path: Path) -> None:
    environment = os.environ | {SHARED_FOLDER: str(tmp_path)}
    command = [sys.executable, "-c", TWENTY_WORKERS]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    kinds = ("counter", "gauge_liveall", "gauge_livesum", "gauge_max", "histogram")
    assert done.stdout.splitlines()[0] == str([f"{kind}_{place}.db" for kind in kinds for place in (0, 1)])
    assert 'netwright_images_total{model="cats",version="1"} 60.0' in done.stdout
    assert 'netwright_worker_restarts_total{reason="died"} 20.0' in done.stdout
    assert 'netwright_batch_images_count{model="cats",version="1"} 40.0' in done.stdout


def test_health_memory_and_versions_have_metrics_of_their_own(
    serving: Callable[..., AbstractContextManager[Server]],
    weights: Path,
    photo: bytes,
    ask: Callable[..., tuple[int, bytes, dict[str, str]]],
) -> None:
    with serving(weights) as server:
        for _ in range(3):
            ask(server, "GET", "/v2/health/ready")
        ask(server, "POST", "/predict", photo)
        text = ask(server, "GET", "/metrics")[1].decode()
    assert 'netwright_requests_total{code="200",endpoint="health",model=""} 3.0' in text
    assert 'netwright_request_seconds_count{endpoint="health"} 3.0' in text
    assert 'netwright_model_request_seconds_count{endpoint="predict",model="tiny",version="1"} 1.0' in text
    [memory] = [line for line in text.splitlines() if line.startswith("netwright_process_memory_bytes ")]
    assert float(memory.split()[1]) > 20e6
