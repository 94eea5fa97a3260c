"""The Open Inference Protocol, apart from what carries it."""
