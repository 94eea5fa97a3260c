"""What a command or a call names is opened, and flags that do not apply are refused."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from netwright.errors import ExportError, RecipeError, WeightsError
from netwright.evaluation.opening import ModelRequest, can_fuse, device_of, open_model, request_of
from netwright.recipe import TrainConfig
from netwright.weights import LoadedModel

CPU = torch.device("cpu")
Exported = Callable[..., Path]


@pytest.mark.parametrize(
    ("device", "precision", "is_fused"),
    [
        ("cpu", "fp32", True),
        ("cpu", "bf16", True),
        ("cpu", "fp16", False),
        ("cuda", "fp32", False),
        ("meta", "bf16", False),
    ],
)
def test_batch_norm_is_folded_on_processors_in_two_precisions(
    device: str, precision: str, is_fused: bool, model: LoadedModel
) -> None:
    assert can_fuse(model.module, torch.device(device), precision) is is_fused


def test_modules_of_others_are_left_as_they_are() -> None:
    assert not can_fuse(nn.Linear(2, 2), torch.device("cpu"), "fp32")


def test_weights_compute_in_torch(weights: Path, model: LoadedModel) -> None:
    opened = open_model(request_of(weights, {"device": "cpu"}), CPU)
    assert (opened.runtime.kind, opened.runtime.precision, opened.is_fused, opened.is_export) == (
        *("torch", "fp32"),
        *(True, False),
    )
    assert (opened.class_names, opened.source) == (model.class_names, str(weights))
    assert not open_model(request_of(weights, {}, fuse=False), CPU).is_fused


def test_a_loaded_model_stays_as_it_is(model: LoadedModel) -> None:
    module = copy.deepcopy(model.module)
    strides = [value.stride() for value in module.parameters()]
    for fuse in (True, False):
        opened = open_model(request_of(replace(model, module=module), {"device": "cpu"}, fuse=fuse), CPU)
        assert opened.runtime.logits(np.zeros((1, *opened.runtime.info.input_shape), np.float32)).shape == (1, 4)
    assert [value.stride() for value in module.parameters()] == strides


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_weights_compute_elsewhere_too(runtime: str, weights: Path) -> None:
    opened = open_model(request_of(weights, {}, runtime=runtime))
    assert (opened.runtime.kind, opened.is_fused, opened.is_export) == (runtime, True, False)
    with pytest.raises(ExportError, match=rf"the runtime {runtime} computes on the processors, not on cuda"):
        open_model(request_of(weights, {"device": "cuda"}, runtime=runtime))
    with pytest.raises(ExportError, match=r"folded batch norm, and --fuse is false\. Leave it out"):
        open_model(request_of(weights, {}, runtime=runtime, fuse=False))


@pytest.mark.parametrize("to", ["onnx", "openvino", "torch"])
def test_an_exported_file_is_opened_by_its_name_or_its_folder(to: str, model: LoadedModel, exported: Exported) -> None:
    path = exported(model, to)
    for ref in (path, path.parent):
        opened = open_model(request_of(ref, {}))
        assert (opened.runtime.kind, opened.source) == (to, str(path))
        assert (opened.is_fused, opened.is_export, opened.notices) == (True, True, ())
        assert opened.class_names == model.class_names
        assert opened.runtime.info.preprocessing == model.preprocessing


def test_a_folder_with_weights_means_these(
    tmp_path: Path, weights: Path, model: LoadedModel, exported: Exported
) -> None:
    shutil.copy(exported(model, "onnx"), tmp_path)
    assert request_of(tmp_path, {}).exported_file() == tmp_path / "model.onnx"
    shutil.copy(weights, tmp_path / "tiny_best.safetensors")
    assert request_of(tmp_path, {}).exported_file() is None
    assert not open_model(request_of(tmp_path, {})).is_export
    assert open_model(request_of(tmp_path, {}, runtime="onnx")).source.startswith(str(tmp_path / "tiny_best"))


def test_an_empty_folder_has_neither(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is no folder of a training"):
        open_model(request_of(tmp_path, {}))


@pytest.mark.parametrize(
    ("keys", "more", "message"),
    [
        ({"model": "regnet_x_200mf"}, {}, "--model is for weights, and {path} is an exported file.* Leave --model out"),
        ({"num_classes": 4}, {}, "--num_classes is for weights"),
        ({"in_channels": 3}, {}, "--in_channels is for weights"),
        ({"stem": "cifar"}, {}, "--stem is for weights"),
        ({"pretrained": True}, {}, "--pretrained is for weights"),
        ({"ema": True}, {}, "--ema is for weights"),
        ({}, {"fuse": True}, "--fuse is for weights, and in the exported file {path} batch norm is folded already"),
        ({}, {"fuse": False}, "--fuse is for weights"),
        (
            {"device": "cuda"},
            {},
            "the exported file {path} computes on the processors, not on cuda. Leave --device out",
        ),
        ({"val_precision": "bf16"}, {}, "{path} is fp32, not bf16. Export it with --precision bf16"),
        ({"val_precision": "half"}, {}, "--val_precision half depends on the device"),
        ({"val_precision": "auto"}, {}, "--val_precision auto depends on the device"),
        ({"image_size": 32}, {}, "{path} is for images of 24 pixels, not 32. Leave image_size out"),
        ({}, {"runtime": "torch"}, "{path} is for onnx and openvino, not torch"),
    ],
)
def test_what_does_not_apply_to_an_exported_file_is_refused(
    keys: dict[str, Any], more: dict[str, Any], message: str, model: LoadedModel, exported: Exported
) -> None:
    path = exported(model, "onnx")
    with pytest.raises(ExportError, match=message.replace("{path}", str(path))):
        open_model(request_of(path, keys, **more))


def test_a_recipe_says_how_a_network_was_trained(model: LoadedModel, exported: Exported) -> None:
    """MindCV's commands have one: what it says of weights, device and precision is not for the exported file."""
    keys = {"model": "regnet_x_200mf", "num_classes": 7, "ema": True, "val_precision": "bf16", "device": "cuda"}
    training = TrainConfig().with_(**keys, checkpoint=str(exported(model, "onnx")), crop_pct=0.5)
    request = ModelRequest(training, frozenset({*keys, "crop_pct"}))
    assert device_of(request) == "cpu"
    opened = open_model(request)
    assert opened.runtime.precision == "fp32"
    assert opened.runtime.info.preprocessing == replace(model.preprocessing, crop_pct=0.5)
    assert opened.notices == ("Images are not prepared as for the weights: crop_pct 0.5 instead of 0.75.",)


def test_precisions_that_a_runtime_has(model: LoadedModel, exported: Exported) -> None:
    for to in ("openvino", "torch"):
        assert open_model(request_of(exported(model, to), {"val_precision": "bf16"})).runtime.precision == "bf16"
    assert open_model(request_of(exported(model, "onnx", "fp16"), {})).runtime.precision == "fp16"
    assert open_model(request_of(exported(model, "onnx", "fp16"), {"val_precision": "fp16"})).runtime.kind == "onnx"
    assert open_model(request_of(exported(model, "onnx"), {}, runtime="openvino")).runtime.kind == "openvino"


def test_a_device_that_is_not_there_is_named_before_weights_are_opened(tmp_path: Path) -> None:
    damaged = tmp_path / "w.safetensors"
    damaged.write_bytes(b"no weights at all")
    with pytest.raises(RecipeError, match="there is no device 'cuda:77' here"):
        open_model(request_of(damaged, {"device": "cuda:77"}))
