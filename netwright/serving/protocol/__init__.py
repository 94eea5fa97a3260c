"""The Open Inference Protocol, apart from HTTP and gRPC, which carry it."""
