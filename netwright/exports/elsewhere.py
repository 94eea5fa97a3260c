"""Targets of others: how to go on from a file that is exported here.

Each way was run with a network of ours, or is as the tool's documentation has it; docs/tutorials/serve.md says which.
"""

from __future__ import annotations

from netwright.runtime.info import SUFFIXES

__all__ = ["unknown_target"]

# name -> the next command
_WAYS = {
    "coreml": "`coremltools.convert(torch.export.load('FILE.pt2').run_decompositions({})).save('FILE.mlpackage')` "
    "takes one of --to torch (pip install coremltools, on Linux too; it runs on Apple's systems only); coremltools "
    "reads no ONNX, but ONNX Runtime computes FILE.onnx with its CoreMLExecutionProvider",
    "executorch": "`to_edge_transform_and_lower(torch.export.load('FILE.pt2'), partitioner=[XnnpackPartitioner()])"
    ".to_executorch().save('FILE.pte')` takes one of --to torch --batch 1 (pip install executorch; from "
    "executorch.exir and executorch.backends.xnnpack.partition.xnnpack_partitioner); ExecuTorch reads no ONNX",
    "ncnn": "`pnnx FILE.onnx inputshape=[1,C,H,W] fp16=0` (pip install pnnx) writes FILE.ncnn.param and FILE.ncnn.bin "
    "from one of --to onnx --batch 1, with the input in0 and the output out0",
    "tensorrt": "`trtexec --onnx=FILE.onnx --saveEngine=FILE.plan` writes an engine from one of --to onnx, with "
    "--minShapes, --optShapes and --maxShapes=input:NxCxHxW where its batch is dynamic",
    "mindir": "`converter_lite --fmk=ONNX --modelFile=FILE.onnx --outputFile=FILE --saveType=MINDIR` (of MindSpore "
    "Lite) takes one of --to onnx --batch 1",
}
_ALSO_CALLED = {
    **{"mlmodel": "coreml", "mlpackage": "coreml", "pte": "executorch", "xnnpack": "executorch"},
    **{"trt": "tensorrt", "engine": "tensorrt", "pnnx": "ncnn", "mindspore": "mindir", "ms": "mindir"},
}
# other names of what is a target
_OURS = {
    **{"tflite": "litert", "tensorflow": "litert", "tf": "litert", "onnxruntime": "onnx", "ort": "onnx"},
    **{"xml": "openvino", "ov": "openvino", "pt2": "torch", "pytorch": "torch"},
}


def unknown_target(to: str) -> str:
    """What is said of a target that is none here, with the way there where it is known."""
    name = to.lower().lstrip(".")
    ours = name if name in SUFFIXES else _OURS.get(name, "")
    way = _WAYS.get(_ALSO_CALLED.get(name, name), "")
    hint = f" Give --to {ours}, which writes {SUFFIXES[ours]} files." if ours else ""
    return f"a target is one of {', '.join(SUFFIXES)}, not {to!r}.{hint}" + (
        f" Go on from an export: {way}." if way else ""
    )
