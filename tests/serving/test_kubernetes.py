"""The recipe in manifests/ is true: its flags exist, its ports, names and times agree, and its probes are answered."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from netwright.cli.main import parser_of
from netwright.exports import export
from netwright.serving import ServeSettings
from netwright.version import __version__

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
DOCUMENTS = [
    document
    for path in sorted(MANIFESTS.rglob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]
TOKEN = "a-token"
MODELS = {"flowers": "onnx", "leaves": "openvino"}
# seconds after --grace: `Supervisor` waits so much longer for its workers
ROOM = 5


def of(kind: str) -> list[Any]:
    return [each for each in DOCUMENTS if each["kind"] == kind]


def containers() -> dict[str, Any]:
    """Kind and name -> its container; a runtime has no pod of its own."""
    pods = {f"Deployment {each['metadata']['name']}": each["spec"]["template"]["spec"] for each in of("Deployment")}
    pods |= {f"{each['kind']} {each['metadata']['name']}": each["spec"] for each in of("ClusterServingRuntime")}
    pods |= {
        f"{each['kind']} {each['metadata']['name']}": each["spec"]["predictor"]
        for each in of("InferenceService")
        if "containers" in each["spec"]["predictor"]
    }
    return {name: {**pod["containers"][0], "pod": pod} for name, pod in pods.items()}


def settings(container: Any) -> ServeSettings:
    """What `netwright serve` makes of the arguments; SystemExit where it does not know one."""
    words = [each.replace("{{.Name}}", "flowers") for each in container["args"]]  # as KServe does
    options = vars(parser_of("serve").parse_args(words))
    return ServeSettings(**{key: value for key, value in options.items() if key in ServeSettings.__slots__})


def dockerfile() -> list[tuple[str, str]]:
    """(instruction, its words), continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (MANIFESTS / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    found: list[tuple[str, str]] = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            instruction, _, words = line.strip().partition(" ")
            found.append((instruction, words.strip()))
    return found


def words(instruction: str) -> str:
    """Of the last one: in the image that is made."""
    return [said for name, said in dockerfile() if name == instruction][-1]


# `netwright serve` where the packages of a variable are not to be had
GUARD = """
import os
import sys

class Guard:
    def find_spec(self, name, path=None, target=None):
        if name in ABSENT:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)

ABSENT = set(os.environ["ABSENT"].split())
sys.meta_path.insert(0, Guard())
from netwright.cli.main import main

sys.exit(main(["serve", *sys.argv[1:]]))
"""
NAMES = ["Deployment netwright", "ClusterServingRuntime netwright", "InferenceService flowers-custom"]


def test_every_container_is_looked_at() -> None:
    assert sorted(containers()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_arguments_ports_and_processors_agree(name: str) -> None:
    container = containers()[name]
    told = settings(container)
    assert told.ref == "/mnt/models"
    assert told.host == "0.0.0.0"
    assert {str(each["containerPort"]) for each in container["ports"]} <= {str(told.port), str(told.grpc_port)}
    assert container["ports"][0]["containerPort"] == told.port
    assert words("EXPOSE").split() == [str(told.port), str(told.grpc_port)]
    limits, requests = container["resources"]["limits"], container["resources"]["requests"]
    assert (told.threads or 0) * told.workers == int(limits["cpu"]) == int(requests["cpu"])
    assert int(limits["memory"].removesuffix("Gi")) << 30 > 2 * told.max_bytes * told.workers
    image, _, tag = container["image"].partition(":")
    assert (image, tag) == ("netwright-serve", __version__.partition(".dev")[0])


@pytest.mark.parametrize("name", NAMES)
def test_containers_may_do_nothing_but_serve(name: str) -> None:
    container = containers()[name]
    said = {**container["pod"].get("securityContext", {}), **container["securityContext"]}
    assert said["runAsNonRoot"] is True
    assert f"{said['runAsUser']}:{said['runAsUser']}" == words("USER")
    assert said["readOnlyRootFilesystem"] is True
    assert said["allowPrivilegeEscalation"] is False
    assert said["capabilities"] == {"drop": ["ALL"]}
    volumes = {each["name"]: each for each in container["pod"]["volumes"]}
    mounts = {each["mountPath"]: each for each in container["volumeMounts"]}
    assert "emptyDir" in volumes[mounts["/tmp"]["name"]]
    assert all(mount["name"] in volumes for mount in mounts.values())


def test_a_stop_finishes_what_was_accepted() -> None:
    for name, seconds in {
        "Deployment netwright": containers()["Deployment netwright"]["pod"]["terminationGracePeriodSeconds"],
        **{
            f"InferenceService {each['metadata']['name']}": each["spec"]["predictor"]["terminationGracePeriodSeconds"]
            for each in of("InferenceService")
        },
    }.items():
        container = containers().get(name, containers()["ClusterServingRuntime netwright"])
        pause = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep", "0"])
        told = settings(container)
        assert told.grace >= told.timeout  # a request that came last is answered
        assert int(seconds) >= int(pause[1]) + told.grace + ROOM, name


def test_selectors_ports_and_claims_find_each_other() -> None:
    deployment, service, scaler = of("Deployment")[0], of("Service")[0], of("HorizontalPodAutoscaler")[0]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for selector in (
        deployment["spec"]["selector"]["matchLabels"],
        service["spec"]["selector"],
        of("PodDisruptionBudget")[0]["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    container = containers()["Deployment netwright"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert {each["targetPort"] for each in service["spec"]["ports"]} == set(ports)
    assert ports == {"http": settings(container).port, "grpc": settings(container).grpc_port}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] == "http"
    assert deployment["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"] == str(ports["http"])
    target = scaler["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", deployment["metadata"]["name"])
    assert "replicas" not in deployment["spec"]
    claim = of("PersistentVolumeClaim")[0]["metadata"]["name"]
    assert container["pod"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim
    resources = {path.name for path in (MANIFESTS / "kubernetes").glob("*.yaml")} - {"kustomization.yaml"}
    assert set(of("Kustomization")[0]["resources"]) == resources


def test_kserve_finds_the_runtime() -> None:
    runtime = of("ClusterServingRuntime")[0]
    predictors = {each["metadata"]["name"]: each["spec"]["predictor"] for each in of("InferenceService")}
    model = predictors["flowers"]["model"]
    assert model["runtime"] == runtime["metadata"]["name"]
    offered = [(each["name"], each["version"]) for each in runtime["spec"]["supportedModelFormats"]]
    assert (model["modelFormat"]["name"], model["modelFormat"]["version"]) in offered
    assert runtime["spec"]["protocolVersions"] == ["v2", "grpc-v2"]
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    container = runtime["spec"]["containers"][0]
    assert container["name"] == "kserve-container"
    assert "--name={{.Name}}" in container["args"]
    assert settings(container).name == "flowers"
    custom = predictors["flowers-custom"]["containers"][0]
    assert custom["name"] == "kserve-container"
    assert settings(custom).name == "flowers-custom"


def requirements() -> set[str]:
    lines = (MANIFESTS / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def absent() -> list[str]:
    """Modules that are installed here and would not be in the image."""
    present, todo = {"netwright"}, [*map(Requirement, requirements())]
    while todo:
        name = canonicalize_name(todo.pop().name)
        if name not in present:
            present.add(name)
            needed = map(Requirement, metadata.requires(name) or [])
            todo += [each for each in needed if not each.marker or each.marker.evaluate({"extra": ""})]
    found = metadata.packages_distributions()
    return [module for module, owners in found.items() if not present & set(map(canonicalize_name, owners))]


def test_the_image_has_what_the_package_asks_for_and_no_more() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = requirements()
    extras = project["optional-dependencies"]
    assert required <= {*project["dependencies"], *extras["export"], *extras["serve"]}
    assert set(extras["serve"]) <= required
    assert not {name for name in required if name.startswith(("torch", "nncf"))}
    base = [said for name, said in dockerfile() if name == "FROM"]
    assert all(re.match(r"python:3\.\d+\.\d+-slim-\w+( AS \w+)?$", each) for each in base)
    copied = " ".join(said for name, said in dockerfile() if name == "COPY").split()
    kept = (MANIFESTS / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    for each in copied:
        if (ROOT / each).exists() and each != "./":
            assert f"!{each}" in kept, each


@pytest.fixture(scope="module")
def served(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The Deployment's command, with a folder and free ports of ours, where only the image's packages are to be had."""
    place = tmp_path_factory.mktemp("models")
    for name, to in MODELS.items():
        export(weights, place / name / "1", to=to)
    given = {"/mnt/models": str(place), "--host": "127.0.0.1", "--port": "0", "--grpc_port": "0", "--threads": "1"}
    arguments = []
    for word in containers()["Deployment netwright"]["args"]:
        flag = word.partition("=")[0]
        arguments.append(word if flag not in given else given[flag] if flag[0] == "/" else f"{flag}={given[flag]}")
    program = subprocess.Popen(
        [sys.executable, "-c", GUARD, *arguments],
        env=os.environ | {"NETWRIGHT_TOKEN": TOKEN, "ABSENT": " ".join(absent())},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    line = program.stdout.readline()
    assert line.startswith("serving on http://127.0.0.1:"), program.communicate()[1]
    yield program, line.split()[2].rstrip(",")
    program.kill()
    program.communicate()


def status(url: str, token: str = "", data: bytes | None = None) -> int:
    request = urllib.request.Request(url, data, {"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.slow
def test_the_command_of_the_pod_answers_its_probes_and_ends_in_time(
    served: tuple[subprocess.Popen[str], str], photo: bytes
) -> None:
    program, address = served
    paths = {
        probe["httpGet"]["path"]
        for container in containers().values()
        for key, probe in container.items()
        if key.endswith("Probe")
    }
    # `live` alone is also a server whose computation hangs, and `ready` is none that has no model yet
    assert paths == {"/v2/health/live", "/v2/health/ready", "/v2/health/live?computing=true"}
    assert {path: status(address + path) for path in paths} == dict.fromkeys(paths, 200)  # kubelet has no token
    annotations = of("Deployment")[0]["spec"]["template"]["metadata"]["annotations"]
    metrics = address + annotations["prometheus.io/path"]
    assert (status(metrics), status(metrics, TOKEN)) == (401, 200)  # the README says how Prometheus gets it
    for name in MODELS:
        address_of_model = f"{address}/predict?model={name}"
        assert (status(address_of_model, "", photo), status(address_of_model, TOKEN, photo)) == (401, 200)
    path = re.search(r"127\.0\.0\.1:\d+(/[a-z0-9/]+)", words("HEALTHCHECK"))
    assert path
    assert path[1] in paths
    started = time.monotonic()
    program.send_signal(signal.SIGTERM)
    _, errors = program.communicate(timeout=60)
    assert program.returncode == 0, errors
    assert time.monotonic() - started < settings(containers()["Deployment netwright"]).grace
    assert [json.loads(line)["event"] for line in errors.splitlines() if line.startswith("{")][-1] == "stopped"


def test_the_healthcheck_looks_where_the_image_listens() -> None:
    command = json.loads(words("CMD"))
    assert words("ENTRYPOINT") == '["netwright", "serve"]'
    told = settings({"args": command})
    assert f"127.0.0.1:{told.port}/" in words("HEALTHCHECK")
    assert [told.port, told.grpc_port] == [int(each) for each in words("EXPOSE").split()]
