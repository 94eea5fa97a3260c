"""The services of gRPC's own tools, called by their own clients."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from netwright.serving.grpc.messages import SERVICE
from netwright.serving.supervisor.process import Server

grpc = pytest.importorskip("grpc")
health_pb2 = pytest.importorskip("grpc_health.v1.health_pb2")
health_pb2_grpc = pytest.importorskip("grpc_health.v1.health_pb2_grpc")
reflection_pb2 = pytest.importorskip("grpc_reflection.v1alpha.reflection_pb2")
reflection_pb2_grpc = pytest.importorskip("grpc_reflection.v1alpha.reflection_pb2_grpc")


@pytest.mark.slow
def test_a_probe_is_answered_without_the_token(
    serving: Callable[..., AbstractContextManager[Server]], weights: Path
) -> None:
    request, states = health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
    with serving(weights, grpc_port=0, token="s3cret") as server:
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            assert stub.Check(request(), timeout=5).status == states.SERVING
            assert stub.Check(request(service=SERVICE), timeout=5).status == states.SERVING
            with pytest.raises(grpc.RpcError) as caught:
                stub.Check(request(service="other"), timeout=5)
            assert caught.value.code() == grpc.StatusCode.NOT_FOUND
            assert next(stub.Watch(request(service="other"), timeout=5)).status == states.SERVICE_UNKNOWN
            watching = stub.Watch(request(), timeout=20)
            assert next(watching).status == states.SERVING
            began = time.monotonic()
            server.stop()
            assert next(watching).status == states.NOT_SERVING
        assert time.monotonic() - began < 5


def test_reflection_names_the_services_and_describes_them(
    serving: Callable[..., AbstractContextManager[Server]], weights: Path
) -> None:
    request = reflection_pb2.ServerReflectionRequest
    asked = [request(list_services="")]
    asked += [request(file_containing_symbol=each) for each in (SERVICE, "grpc.health.v1.Health", "no.such")]
    with (
        serving(weights, grpc_port=0, token="s3cret") as server,
        grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel,
    ):
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            list(stub.ServerReflectionInfo(iter(asked), timeout=5))
        assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
        known = (("authorization", "Bearer s3cret"),)
        answers = list(stub.ServerReflectionInfo(iter(asked), metadata=known, timeout=5))
    names = {each.name for each in answers[0].list_services_response.service}
    assert {SERVICE, "grpc.health.v1.Health"} <= names
    assert b"GRPCInferenceService" in answers[1].file_descriptor_response.file_descriptor_proto[0]
    assert b"HealthCheckResponse" in answers[2].file_descriptor_response.file_descriptor_proto[0]
    assert answers[3].HasField("error_response")
