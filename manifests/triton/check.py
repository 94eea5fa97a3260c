"""Serve a model repository of `netwright export --layout triton` with Triton itself, and compare the answers with ours.

Triton's docker images contain all of it. Without docker, the wheel of pytriton contains its core, but not the backends
for ONNX Runtime and OpenVINO: `standin.py` computes in their place. So Triton itself checks the folder, the
configuration, versions, labels and batching here; the two backends are not checked.

  python3.11 -m venv /tmp/triton
  /tmp/triton/bin/pip install --no-deps nvidia-pytriton==0.7.0
  /tmp/triton/bin/pip install "numpy<2" onnxruntime openvino
  python manifests/triton/check.py models --triton /tmp/triton
"""

from __future__ import annotations

import argparse
import contextlib
import os
import queue
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tritonclient.grpc
import tritonclient.http
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from netwright.runtime import open_runtime

READY_SECONDS = 120.0  # until it is ready, and for an answer
TOLERANCE = 1e-3  # of logits


def main() -> int:
    """Check every version; returns 0 where each answers as its file does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, help="the model repository")
    parser.add_argument("--triton", type=Path, required=True, help="the environment with the wheel of pytriton")
    options = parser.parse_args()
    checked = 0
    with running(options.models, options.triton) as (http_port, grpc_port):
        for module, port in ((tritonclient.http, http_port), (tritonclient.grpc, grpc_port)):
            client = module.InferenceServerClient(f"127.0.0.1:{port}")
            print(f"{module.__name__}: {name_of(client.get_server_metadata())}")
            for version in sorted(options.models.glob("*/[0-9]*")):
                check(module, client, version)
                checked += 1
        together(tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{grpc_port}"), options.models)
    print(f"{checked} checks of versions passed: each answers as its file does")
    return 0


def check(module: Any, client: Any, folder: Path) -> None:
    """Check the configuration, answers and labels of a version; AssertionError where they differ."""
    name, version = folder.parent.name, folder.name
    config = text_format.Parse((folder.parent / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())
    (source,), (result,) = config.input, config.output
    count = 3 if config.max_batch_size != 1 else 1
    dims = [count, *source.dims] if config.max_batch_size else [count if each < 0 else each for each in source.dims]
    images = np.random.default_rng(0).standard_normal(dims, dtype=np.float32)
    given = module.InferInput(source.name, images.shape, "FP32")
    given.set_data_from_numpy(images)
    answer = client.infer(name, [given], model_version=version).as_numpy(result.name)
    with open_runtime(folder) as runtime:
        difference = float(np.abs(answer - runtime.logits(images)).max())
    assert difference < TOLERANCE, f"{name} {version} differs by {difference}"
    summary = ""
    if config.max_batch_size:  # otherwise Triton takes the whole batch for one image
        output = module.InferRequestedOutput(result.name, class_count=1)
        classes = client.infer(name, [given], model_version=version, outputs=[output]).as_numpy(result.name)
        labels = (folder.parent / result.label_filename).read_text(encoding="utf-8").splitlines()
        found = [each.decode().split(":", 2)[2] for each in classes[:, 0]]
        assert found == [labels[each] for each in answer.argmax(1)]
        summary = f", labels {', '.join(found)}"
    print(f"  {name} {version} on {config.backend}: {list(answer.shape)}, differs by {difference:.1e}{summary}")


def together(client: Any, models: Path) -> None:
    """Print how many batches Triton makes of simultaneous requests of one image, where it may combine them."""
    for path in sorted(models.glob("*/config.pbtxt")):
        name = path.parent.name
        config = text_format.Parse(path.read_text(), model_config_pb2.ModelConfig())
        if not config.HasField("dynamic_batching"):
            continue
        images = np.zeros((1, *config.input[0].dims), dtype=np.float32)
        given = tritonclient.grpc.InferInput(config.input[0].name, images.shape, "FP32")
        given.set_data_from_numpy(images)
        before = counts(client, name)
        answer_all(client, name, given, 200)
        asked, runs = (now - then for now, then in zip(counts(client, name), before, strict=True))
        print(f"  {name}: {asked} requests in {runs} batches")


def answer_all(client: Any, name: str, given: Any, count: int) -> None:
    """Send the same request many times at once; AssertionError where one fails."""
    errors: queue.Queue[object] = queue.Queue()
    for _ in range(count):
        client.async_infer(name, [given], callback=lambda result, error: errors.put(error))
    assert [errors.get(timeout=READY_SECONDS) for _ in range(count)] == [None] * count


def counts(client: Any, name: str) -> tuple[int, int]:
    """(images, batches) of all versions so far."""
    found = client.get_inference_statistics(name).model_stats
    return sum(each.inference_count for each in found), sum(each.execution_count for each in found)


def name_of(metadata: Any) -> str:
    """Name and version of a server."""
    if isinstance(metadata, dict):
        return f"{metadata['name']} {metadata['version']}"
    return f"{metadata.name} {metadata.version}"


@contextlib.contextmanager
def running(models: Path, environment: Path) -> Iterator[tuple[int, int]]:
    """Run Triton; yields its ports of HTTP and gRPC on loopback."""
    site = next(environment.glob("lib/python3.*/site-packages"))
    python = site.parent.name.removeprefix("python")
    wheel = site / "pytriton" / "tritonserver"
    with tempfile.TemporaryDirectory() as place:
        backends = Path(place)
        shutil.copytree(wheel / "backends" / "python", backends / "python")
        shutil.copy(wheel / "python_backend_stubs" / python / "triton_python_backend_stub", backends / "python")
        (backends / "python" / "triton_python_backend_stub").chmod(0o755)
        for name in ("onnxruntime", "openvino"):
            (backends / name).mkdir()
            shutil.copy(Path(__file__).with_name("standin.py"), backends / name / "model.py")
        ports = [free_port() for _ in range(2)]
        server = wheel / "bin" / "tritonserver"
        server.chmod(0o755)
        program = subprocess.Popen(
            [
                *(server, f"--model-repository={models}", f"--backend-directory={backends}", "--exit-timeout-secs=5"),
                *("--http-address=127.0.0.1", f"--http-port={ports[0]}", "--allow-metrics=false", "--log-info=false"),
                *("--grpc-address=127.0.0.1", f"--grpc-port={ports[1]}", "--disable-auto-complete-config"),
            ],
            env=os.environ | {"LD_LIBRARY_PATH": str(site / "nvidia_pytriton.libs"), "STANDIN_PACKAGES": str(site)},
            stdin=subprocess.DEVNULL,
        )
        try:
            await_ready(program, ports[0])
            yield ports[0], ports[1]
        finally:
            program.terminate()
            program.wait(30)


def await_ready(program: subprocess.Popen[bytes], port: int) -> None:
    """Wait. SystemExit where Triton ends first, as it does for a configuration that it refuses; its output says why."""
    client = tritonclient.http.InferenceServerClient(f"127.0.0.1:{port}")
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        if program.poll() is not None:
            sys.exit(f"Triton ended with {program.returncode}")
        with contextlib.suppress(OSError):
            if client.is_server_ready():
                return
        time.sleep(0.2)
    sys.exit(f"Triton was not ready after {READY_SECONDS:.0f} s")


def free_port() -> int:
    """A free port of loopback."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
