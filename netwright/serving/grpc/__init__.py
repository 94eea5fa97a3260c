"""gRPC: the Open Inference Protocol on the event loop of the HTTP side."""
