"""What Triton is told, by Triton's own schema and by the rules of its documentation; and the folder it is told in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netwright.data.preprocess import Preprocessing
from netwright.errors import ExportError, OutputError
from netwright.exports.pbtxt import quoted, read_pbtxt
from netwright.exports.triton import TritonSettings, triton_config, triton_labels
from netwright.exports.triton_repository import export_triton, next_version, write_triton
from netwright.runtime import open_runtime
from netwright.runtime.info import info_of
from netwright.weights import LoadedModel

model_config_pb2 = pytest.importorskip("tritonclient.grpc.model_config_pb2")
text_format = pytest.importorskip("google.protobuf.text_format")

Make = Callable[..., Path]


def parsed(text: str) -> Any:
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def plain(config: Any) -> dict[str, list[Any]]:
    """A message as read_pbtxt gives it."""
    found: dict[str, list[Any]] = {}
    for field, value in config.ListFields():
        if field.message_type and field.message_type.GetOptions().map_entry:
            found[field.name] = [{"key": [key], "value": [plain(each)]} for key, each in sorted(value.items())]
            continue
        values = value if hasattr(value, "append") else [value]
        if field.message_type:
            found[field.name] = [plain(each) for each in values]
        elif field.enum_type:
            found[field.name] = [field.enum_type.values_by_number[each].name for each in values]
        else:
            found[field.name] = [str(each) for each in values]
    return found


def broken_rules(config: Any, folder: Path, names: tuple[str, list[int]], result: tuple[str, list[int]]) -> list[str]:
    """Of Triton's documentation. names, result: of the graph's input and output, with their shapes."""
    rules = {
        "a backend is named": config.backend in ("onnxruntime", "openvino"),
        "platform suits it": config.platform in ("", {"onnxruntime": "onnxruntime_onnx"}.get(config.backend)),
        "a name is that of the folder": config.name in ("", folder.name),
        "FORMAT_NCHW has three dims": all(not each.format or len(each.dims) == 3 for each in config.input),
        "batching takes max_batch_size": config.max_batch_size > 1 or not config.HasField("dynamic_batching"),
        "labels are there, one a class": all(
            len((folder / each.label_filename).read_text(encoding="utf-8").splitlines()) == each.dims[-1]
            for each in config.output
        ),
        "a version policy is one of three": config.version_policy.WhichOneof("policy_choice") is not None,
        "an instance has a device": all(each.kind in (1, 2) and each.count > 0 for each in config.instance_group),
    }
    for each, (name, shape) in ((config.input[0], names), (config.output[0], result)):
        full = [-1, *each.dims] if config.max_batch_size > 0 else list(each.dims)
        rules[f"{name} is the graph's"] = (each.name, full) == (name, shape) and each.data_type == 11  # TYPE_FP32
    return [rule for rule, holds in rules.items() if not holds]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("to", "batch", "most", "graph"),
    [("onnx", "dynamic", 16, -1), ("onnx", 4, 0, 4), ("openvino", "dynamic", 0, -1), ("openvino", 2, 0, 2)],
)
def test_a_model_as_triton_documents_it(
    color: LoadedModel, tmp_path: Path, to: str, batch: int | str, most: int, graph: int
) -> None:
    done = export_triton(color, tmp_path / "models", to=to, batch=batch, name="small")
    folder = tmp_path / "models" / "small"
    files = {"onnx": ["1/model.onnx"], "openvino": ["1/model.bin", "1/model.xml"]}[to]
    assert sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*.*")) == [
        *files,
        "config.pbtxt",
        "labels.txt",
    ]
    assert sorted(done.files) == [folder / each for each in files]
    assert done.path == folder / files[-1]
    config = parsed((folder / "config.pbtxt").read_text(encoding="utf-8"))
    assert config.max_batch_size == most
    assert config.HasField("dynamic_batching") == (most > 1)
    assert config.version_policy.HasField("all")
    assert broken_rules(config, folder, ("input", [graph, 3, 16, 16]), ("logits", [graph, 5])) == []
    told = json.loads(config.parameters["preprocessing"].string_value)
    assert Preprocessing.from_dict(told) == color.preprocessing
    assert (folder / "labels.txt").read_text(encoding="utf-8").splitlines() == list(color.class_names)
    assert not list(tmp_path.rglob(".*"))


def test_settings_are_written(color: LoadedModel, gray: LoadedModel) -> None:
    settings = TritonSettings(max_batch=8, max_delay_ms=0.5, instances=3, device="gpu", versions=2)
    config = parsed(triton_config(info_of(color), "onnx", settings))
    assert config.max_batch_size == 8
    assert config.dynamic_batching.max_queue_delay_microseconds == 500
    assert [(each.count, each.kind) for each in config.instance_group] == [(3, 1)]  # KIND_GPU
    assert config.version_policy.latest.num_versions == 2
    single = parsed(triton_config(info_of(gray), "onnx", TritonSettings(max_batch=1)))
    assert not single.HasField("dynamic_batching")
    assert list(single.input[0].dims) == [1, 16, 16]
    bf16 = parsed(triton_config(info_of(color, precision="bf16"), "openvino"))
    assert bf16.parameters["HINT_BF16"].string_value == "YES"


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"max_batch": 0}, "max_batch is a whole number of at least 1, or none, not 0"),
        ({"max_delay_ms": -1}, "max_delay_ms is a number within 0 to 1,000,000, or none, not -1"),
        ({"instances": 0}, "instances is a whole number of at least 1, not 0"),
        ({"versions": -1}, "versions is a whole number of at least 0, not -1"),
        ({"device": "tpu"}, "device is one of cpu, gpu, not 'tpu'"),
    ],
)
def test_settings_that_cannot_be(values: dict[str, Any], constraint: str) -> None:
    with pytest.raises(ExportError, match=constraint):
        TritonSettings(**values)


def test_what_a_backend_has_not(color: LoadedModel) -> None:
    info = info_of(color)
    for to, changed, settings, constraint in (
        ("torch", info, TritonSettings(), "onnx or openvino, not for torch"),
        ("openvino", info, TritonSettings(device="gpu"), "for processors"),
        ("openvino", info, TritonSettings(max_batch=4), "not for OpenVINO"),
        ("onnx", replace(info, batch=3), TritonSettings(max_delay_ms=1), "not for a graph of 3 images"),
    ):
        with pytest.raises(ExportError, match=constraint):
            triton_config(changed, to, settings)


def test_the_next_version_leaves_what_is_there(color: LoadedModel, exported: Make, tmp_path: Path) -> None:
    file, root = exported(color, "onnx"), tmp_path / "models"
    assert next_version(root, "small") == 1
    first = write_triton(file, root)
    assert first == root / "small" / "1" / "model.onnx"
    config = root / "small" / "config.pbtxt"
    tuned = config.read_text(encoding="utf-8").replace("max_batch_size: 16", "max_batch_size: 4 # by hand")
    config.write_text(tuned, encoding="utf-8")
    (root / "small" / "notes").mkdir()
    assert write_triton(file, root, settings=TritonSettings(instances=7)).parent.name == "2"
    assert write_triton(exported(color, "onnx", "fp16"), root, version=9).parent.name == "9"
    assert next_version(root, "small") == 10
    assert config.read_text(encoding="utf-8") == tuned
    assert first.read_bytes() == file.read_bytes()
    before = {each: each.stat().st_mtime_ns for each in root.rglob("*")}
    with pytest.raises(ExportError, match="has a version 2 already"):
        write_triton(file, root, version=2)
    assert {each: each.stat().st_mtime_ns for each in root.rglob("*")} == before


@pytest.mark.slow
def test_a_version_that_does_not_agree_is_refused(
    color: LoadedModel, gray: LoadedModel, exported: Make, tmp_path: Path
) -> None:
    root = tmp_path / "models"
    write_triton(exported(color, "onnx"), root, name="m")
    with pytest.raises(ExportError, match="backend onnxruntime where this has the backend openvino"):
        write_triton(exported(color, "openvino"), root, name="m")
    with pytest.raises(ExportError, match=r"\[3, 16, 16\].* where this has the input .*\[1, 16, 16\]"):
        write_triton(exported(gray, "onnx"), root, name="m")
    with pytest.raises(ExportError, match="max_batch_size of 1 or more True"):
        write_triton(exported(color, "onnx", batch=2), root, name="m")
    for change, constraint in (
        ({"class_names": ("ant", "bee", "cat", "dog", "eel")}, "among them Erdmännchen where .* among them eel"),
        ({"preprocessing": replace(color.preprocessing, crop_pct=0.5)}, "crop_pct': 1.0} where .*'crop_pct': 0.5}"),
    ):
        other = replace(color, **change)
        with pytest.raises(ExportError, match=constraint):  # before the export, which takes long
            export_triton(other, root, name="m", progress=pytest.fail)
    write_triton(exported(color, "openvino", "bf16"), root, name="b")
    with pytest.raises(ExportError, match="HINT_BF16 YES where this has HINT_BF16 NO"):
        write_triton(exported(color, "openvino"), root, name="b")
    assert sorted(each.name for each in (root / "m").iterdir()) == ["1", "config.pbtxt", "labels.txt"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["models"]


def test_what_is_no_model_repository(color: LoadedModel, exported: Make, tmp_path: Path) -> None:
    file, root = exported(color, "onnx"), tmp_path / "models"
    for name in ("a/b", "..", ".x", "2024", "two words", "é"):
        with pytest.raises(ExportError, match="Give another --name"):
            write_triton(file, root, name=name)
    assert not root.exists()
    (root / "m" / "1").mkdir(parents=True)
    with pytest.raises(ExportError, match=r"no config\.pbtxt"):
        write_triton(file, root, name="m")
    for text, constraint in (("input [", "'the end' stands"), ("a: ?", "line 1"), ('backend: "x"', "KeyError 'input'")):
        (root / "m" / "config.pbtxt").write_text(text)
        (root / "m" / "labels.txt").write_text("")
        with pytest.raises(ExportError, match=constraint):
            write_triton(file, root, name="m")
    with pytest.raises(ExportError, match="a version is a number of 1 or more"):
        write_triton(file, root, version=0)
    with pytest.raises(ExportError, match="for nothing"):
        write_triton(tmp_path, root)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"^the model repository cannot be written to "):
        write_triton(file, tmp_path / "file")


def test_an_empty_folder_is_taken(color: LoadedModel, exported: Make, tmp_path: Path) -> None:
    (tmp_path / "models" / "m").mkdir(parents=True)
    path = write_triton(exported(color, "onnx"), tmp_path / "models", name="m")
    with open_runtime(path) as runtime:
        assert runtime.info.name == "small"


def test_a_label_is_a_line(make: Callable[..., LoadedModel], color: LoadedModel) -> None:
    odd = replace(color, class_names=("a\nb", 'c "d"', " e ", "f\tg", "é"))
    assert triton_labels(info_of(odd)) == ["a b", 'c "d"', "e", "f g", "é"]


def test_the_text_format_is_read_as_protobuf_reads_it(color: LoadedModel) -> None:
    texts = [triton_config(info_of(color), to) for to in ("onnx", "openvino")]
    texts.append(
        """
        name: 'it\\'s', max_batch_size: 8;  # comment with } and "
        input < name: "a" "b" data_type: TYPE_FP32 dims: 3 dims: [ 224, 224 ] >
        input: [ { name: "x" dims: [-1] }, { name: "y#z" } ]
        version_policy { specific: { versions: [ 1, 3 ] } }
        parameters { key: "k" value: { string_value: "{\\"a\\": \\"\\\\\\\\\\"}" } }
        """
    )
    for text in texts:
        assert read_pbtxt(text, "here") == {"max_batch_size": ["0"]} | plain(parsed(text))  # proto3 leaves out a 0
    for text in ('a: "b', "a", "a:", "}", "{", "a { b: 1", "a: ]", "a [ 1", "[", "a: @"):
        with pytest.raises(text_format.ParseError):
            parsed(text)
        with pytest.raises(ExportError, match="here is not in protobuf's text format"):
            read_pbtxt(text, "here")
    with pytest.raises(ExportError, match="deeper than 20"):
        read_pbtxt("a {" * 1000, "here")
    for text in ('say "so"', "back\\slash", "é"):
        assert parsed(f"name: {quoted(text)}").name == text
