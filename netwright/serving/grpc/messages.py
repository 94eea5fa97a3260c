"""The Open Inference Protocol's gRPC messages, made from a table.

Numbers and types as in KServe's grpc_predict_v2.proto, and those of Triton's grpc_service.proto and model_config.proto
that are answered here. They are in a descriptor pool of their own, as a process may also hold a client's copies of the
same names.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from netwright.system.extras import optional

__all__ = ["METHODS", "SERVICE", "STREAM", "descriptors", "messages"]

SERVICE = "inference.GRPCInferenceService"
# method of the protocol, also the stem of its request and response -> method of the servicer
METHODS = {
    "ServerLive": "server_live",
    "ServerReady": "server_ready",
    "ModelReady": "model_ready",
    "ServerMetadata": "server_metadata",
    "ModelMetadata": "model_metadata",
    "ModelInfer": "model_infer",
    "ModelConfig": "model_config",
    "ModelStatistics": "model_statistics",
    "RepositoryIndex": "repository_index",
    "RepositoryModelLoad": "repository_model_load",
    "RepositoryModelUnload": "repository_model_unload",
}
STREAM = "ModelStreamInfer"  # many ModelInferRequest, as many ModelStreamInferResponse

# message -> its fields, `type name number`; * repeated, ? one of several, # an enum, @ a map from strings to the type
_TENSOR = "string name 1; string datatype 2; *int64 shape 3"
_TABLE = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "bool live 1",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "bool ready 1",
    "ModelReadyRequest": "string name 1; string version 2",
    "ModelReadyResponse": "bool ready 1",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": "string name 1; string version 2; *string extensions 3",
    "ModelMetadataRequest": "string name 1; string version 2",
    "ModelMetadataResponse": "string name 1; *string versions 2; string platform 3; *.TensorMetadata inputs 4; "
    "*.TensorMetadata outputs 5",
    "ModelMetadataResponse.TensorMetadata": _TENSOR,
    "InferParameter": "?bool bool_param 1; ?int64 int64_param 2; ?string string_param 3; ?double double_param 4; "
    "?uint64 uint64_param 5",
    "InferTensorContents": "*bool bool_contents 1; *int32 int_contents 2; *int64 int64_contents 3; "
    "*uint32 uint_contents 4; *uint64 uint64_contents 5; *float fp32_contents 6; *double fp64_contents 7; "
    "*bytes bytes_contents 8",
    "ModelInferRequest": "string model_name 1; string model_version 2; string id 3; @InferParameter parameters 4; "
    "*.InferInputTensor inputs 5; *.InferRequestedOutputTensor outputs 6; *bytes raw_input_contents 7",
    "ModelInferRequest.InferInputTensor": f"{_TENSOR}; @InferParameter parameters 4; InferTensorContents contents 5",
    "ModelInferRequest.InferRequestedOutputTensor": "string name 1; @InferParameter parameters 2",
    "ModelInferResponse": "string model_name 1; string model_version 2; string id 3; @InferParameter parameters 4; "
    "*.InferOutputTensor outputs 5; *bytes raw_output_contents 6",
    "ModelInferResponse.InferOutputTensor": f"{_TENSOR}; @InferParameter parameters 4; InferTensorContents contents 5",
    "ModelStreamInferResponse": "string error_message 1; ModelInferResponse infer_response 2",
    "RepositoryIndexRequest": "string repository_name 1; bool ready 2",
    "RepositoryIndexResponse": "*.ModelIndex models 1",
    "RepositoryIndexResponse.ModelIndex": "string name 1; string version 2; string state 3; string reason 4",
    "ModelRepositoryParameter": "?bool bool_param 1; ?int64 int64_param 2; ?string string_param 3; "
    "?bytes bytes_param 4",
    "RepositoryModelLoadRequest": "string repository_name 1; string model_name 2; "
    "@ModelRepositoryParameter parameters 3",
    "RepositoryModelLoadResponse": "",
    "RepositoryModelUnloadRequest": "string repository_name 1; string model_name 2; "
    "@ModelRepositoryParameter parameters 3",
    "RepositoryModelUnloadResponse": "",
    "ModelConfigRequest": "string name 1; string version 2",
    "ModelConfigResponse": "ModelConfig config 1",
    "ModelConfig": "string name 1; string platform 2; string backend 17; int32 max_batch_size 4; *ModelInput input 5; "
    "*ModelOutput output 6; ModelDynamicBatching dynamic_batching 11",
    "ModelInput": "string name 1; #DataType data_type 2; *int64 dims 4",
    "ModelOutput": "string name 1; #DataType data_type 2; *int64 dims 3",
    "ModelDynamicBatching": "*int32 preferred_batch_size 1; uint64 max_queue_delay_microseconds 2",
    "ModelStatisticsRequest": "string name 1; string version 2",
    "ModelStatisticsResponse": "*ModelStatistics model_stats 1",
    "ModelStatistics": "string name 1; string version 2; uint64 last_inference 3; uint64 inference_count 4; "
    "uint64 execution_count 5; InferStatistics inference_stats 6; *InferBatchStatistics batch_stats 7",
    "InferStatistics": "StatisticDuration success 1; StatisticDuration fail 2; StatisticDuration queue 3; "
    "StatisticDuration compute_input 4; StatisticDuration compute_infer 5; StatisticDuration compute_output 6; "
    "StatisticDuration cache_hit 7; StatisticDuration cache_miss 8",
    "InferBatchStatistics": "uint64 batch_size 1; StatisticDuration compute_input 2; "
    "StatisticDuration compute_infer 3; StatisticDuration compute_output 4",
    "StatisticDuration": "uint64 count 1; uint64 ns 2",
}
# enum -> its names, in the order of their numbers from 0
_ENUMS = {
    "DataType": "INVALID BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 FP16 FP32 FP64 STRING BF16",
}
_CHOICE = "parameter_choice"


@cache
def messages() -> dict[str, Any]:
    """Name -> class of every message that is not nested in another."""
    get = optional("google.protobuf.message_factory", "serve").GetMessageClass
    found = descriptors().FindMessageTypeByName
    return {name: get(found(f"inference.{name}")) for name in _TABLE if "." not in name}


@cache
def descriptors() -> Any:
    """The descriptor pool of the messages and the service."""
    descriptor_pb2 = optional("google.protobuf.descriptor_pb2", "serve")
    file = descriptor_pb2.FileDescriptorProto(name="netwright_oip.proto", package="inference", syntax="proto3")
    made: dict[str, Any] = {}
    for enum, names in _ENUMS.items():
        listed = file.enum_type.add(name=enum)
        for number, each in enumerate(names.split()):
            listed.value.add(name=f"TYPE_{each}", number=number)
    for path, fields in _TABLE.items():
        outer, _, inner = path.rpartition(".")
        message = made[outer].nested_type.add(name=inner) if outer else file.message_type.add(name=path)
        made[path] = message
        for field in filter(None, fields.split("; ")):
            _add_field(message, path, field)
    service = file.service.add(name=SERVICE.rpartition(".")[2])
    for method in METHODS:
        service.method.add(
            name=method, input_type=f".inference.{method}Request", output_type=f".inference.{method}Response"
        )
    service.method.add(
        name=STREAM,
        input_type=".inference.ModelInferRequest",
        output_type=".inference.ModelStreamInferResponse",
        client_streaming=True,
        server_streaming=True,
    )
    pool = optional("google.protobuf.descriptor_pool", "serve").DescriptorPool()
    pool.Add(file)
    return pool


def _add_field(message: Any, path: str, text: str) -> None:
    kind, name, number = text.split()
    kinds = optional("google.protobuf.descriptor_pb2", "serve").FieldDescriptorProto
    is_repeated = kind[0] in "*@"
    field = message.field.add(name=name, number=int(number))
    field.label = kinds.LABEL_REPEATED if is_repeated else kinds.LABEL_OPTIONAL
    if kind[0] == "?":
        if not message.oneof_decl:
            message.oneof_decl.add(name=_CHOICE)
        field.oneof_index = 0
    if kind[0] == "@":
        entry = message.nested_type.add(name="ParametersEntry")
        entry.options.map_entry = True
        _add_field(entry, path, "string key 1")
        _add_field(entry, path, f"{kind[1:]} value 2")
        kind = ".ParametersEntry"
    kind = kind.lstrip("*?")
    if kind[0] == "#":
        field.type, field.type_name = kinds.TYPE_ENUM, f".inference.{kind[1:]}"
    elif kind[0] == "." or kind[0].isupper():
        field.type = kinds.TYPE_MESSAGE
        field.type_name = f".inference.{path}{kind}" if kind[0] == "." else f".inference.{kind}"
    else:
        field.type = getattr(kinds, f"TYPE_{kind.upper()}")
