"""Targets of others: how to go on from a file that is exported here."""

from __future__ import annotations

from netwright.runtime.info import SUFFIXES

__all__ = ["unknown_target"]

# name -> the next command, of the tool's own documentation
_WAYS = {
    "tflite": "`onnx2tf -i FILE.onnx` (pip install onnx2tf) writes .tflite files from one of --to onnx --batch 1",
    "coreml": "`coremltools.convert(torch.export.load('FILE.pt2'))` takes one of --to torch; "
    "coremltools reads no ONNX, but ONNX Runtime computes FILE.onnx with its CoreMLExecutionProvider",
    "executorch": "`to_edge_transform_and_lower(torch.export.load('FILE.pt2'), partitioner=[XnnpackPartitioner()])` "
    "takes one of --to torch; ExecuTorch reads no ONNX",
    "ncnn": "`pnnx FILE.onnx inputshape=[1,C,H,W]` (pip install pnnx) writes .ncnn.param and .ncnn.bin from one of "
    "--to onnx --batch 1",
    "tensorrt": "`trtexec --onnx=FILE.onnx --saveEngine=FILE.plan` writes an engine from one of --to onnx, with "
    "--minShapes, --optShapes and --maxShapes=input:NxCxHxW where its batch is dynamic",
    "mindir": "`converter_lite --fmk=ONNX --modelFile=FILE.onnx --outputFile=FILE --saveType=MINDIR` (MindSpore Lite) "
    "takes one of --to onnx",
}
_ALSO_CALLED = {
    **{"litert": "tflite", "tensorflow": "tflite", "mlmodel": "coreml", "mlpackage": "coreml", "pte": "executorch"},
    **{"trt": "tensorrt", "engine": "tensorrt", "pnnx": "ncnn", "mindspore": "mindir", "ms": "mindir"},
}


def unknown_target(to: str) -> str:
    """What is said of a target that is none here, with the way there where it is known."""
    name = to.lower().lstrip(".")
    way = _WAYS.get(_ALSO_CALLED.get(name, name), "")
    return f"a target is one of {', '.join(SUFFIXES)}, not {to!r}." + (f" Go on from an export: {way}." if way else "")
