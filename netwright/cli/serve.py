"""Serve a network, or a folder of them, to programs and people.

REF is a file of `netwright export`, a run folder, a weight file or a published name; FOLDER holds models in versions:
FOLDER/NAME/1/model.onnx, FOLDER/NAME/2/... (or FOLDER/1/... for one model). New versions there are loaded while the
server answers, without losing a request. If a version cannot be loaded, the others continue to answer.

  netwright serve cat-or-dog.onnx
  curl --data-binary @photo.jpg http://127.0.0.1:8000/predict
  netwright client http://127.0.0.1:8000 photo.jpg

The server also has a page to try it (/), the Open Inference Protocol (/v2, and over gRPC with --grpc_port), MindSpore
Serving's form (/model/NAME:predict), /metrics for Prometheus, and /openapi.json. Ctrl-C or SIGTERM stops it once it has
answered the requests it accepted. Needs pip install "netwright[serve]".
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["add_arguments", "run"]

_TOKEN = "NETWRIGHT_TOKEN"
# flag -> type, name of its value, help; its default is ServeSettings'
_FLAGS: dict[str, dict[str, tuple[type, str, str]]] = {
    "where it listens": {
        "host": (str, "ADDRESS", "127.0.0.1 is for this machine only"),
        "port": (int, "PORT", "0 takes a free one"),
        "grpc_port": (int, "PORT", "also serve gRPC; 0 takes a free one"),
        "token": (str, "TOKEN", f"who asks sends `Authorization: Bearer TOKEN`; better given as ${_TOKEN}"),
        "tls_cert": (str, "FILE", "certificate chain, PEM"),
        "tls_key": (str, "FILE", "its key, PEM"),
    },
    "how it computes": {
        "runtime": (str, "NAME", "auto (what the file is for; torch for weights), torch, onnx or openvino"),
        "precision": (str, "NAME", "fp32, bf16 or fp16, where the runtime can; the file's own where left out"),
        "threads": (int, "N", "of one computation; all processors, shared by the workers, where left out"),
        "workers": (int, "N", "processes; one that dies or hangs is started anew"),
        "heartbeat": (float, "SECONDS", "a worker that is silent for so long hangs; 0 for never"),
        "name": (str, "NAME", "of one model, in addresses and answers, else its own; in FOLDER/NAME/1 it is NAME"),
        "poll": (float, "SECONDS", "between looks at FOLDER for new versions, 0 for none"),
    },
    "batching": {
        "max_batch": (int, "N", "images computed together"),
        "max_delay_ms": (float, "MS", "an image waits this long for company where nothing is being computed"),
    },
    "limits, beyond which a request is refused": {
        "max_queue": (int, "N", "images that wait for one version in one worker (429)"),
        "max_requests": (int, "N", "requests that one worker answers at once (429)"),
        "max_body": (int, "BYTES", "of one request (413), 32 MiB unless said"),
        "max_bytes": (int, "BYTES", "of all bodies in one worker together (429), 256 MiB unless said"),
        "max_pixels": (int, "N", "of an encoded image (413)"),
        "timeout": (float, "SECONDS", "from a request's head to its answer (504)"),
        "body_timeout": (float, "SECONDS", "for a body to arrive (408)"),
        "grace": (float, "SECONDS", "that a stopping server gives what it has accepted"),
    },
}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of the command."""
    from dataclasses import fields

    from netwright.serving.settings import ServeSettings

    defaults = {item.name: item.default for item in fields(ServeSettings)}
    parser.add_argument("ref", metavar="REF", help="a network, or a folder of models in numbered versions")
    for title, flags in _FLAGS.items():
        group = parser.add_argument_group(title)
        for name, (kind, value, said) in flags.items():
            default = defaults[name]
            shown = f" (default: {default})" if default not in (None, "") else ""
            group.add_argument(f"--{name}", type=kind, default=default, metavar=value, help=f"{said}{shown}")
    parser.add_argument(
        "--log_format", choices=["text", "json"], default="text", help="of the lines on stderr (default: text)"
    )


def run(options: Namespace, command: str) -> int:
    """Run the command; returns its exit status."""
    from netwright.serving import ServeSettings, serve

    values = {key: value for key, value in vars(options).items() if key in ServeSettings.__slots__}
    values["token"] = options.token or os.environ.get(_TOKEN, "")
    settings = ServeSettings(**values)

    def on_ready(port: int, grpc_port: int) -> None:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        scheme = "https" if settings.tls_cert else "http"
        rpc = f", gRPC on {host}:{grpc_port}" if grpc_port else ""
        print(f"serving on {scheme}://{host}:{port}{rpc}; Ctrl-C stops it", file=sys.stdout, flush=True)

    _show_warnings()
    serve(settings, on_ready)
    return 0


def _show_warnings() -> None:
    """Print what the server logs as a warning before it starts."""
    import logging

    handler, logger = logging.StreamHandler(), logging.getLogger("netwright.serving")
    handler.setFormatter(logging.Formatter("netwright serve: %(message)s"))
    logger.addHandler(handler)
    logger.propagate = False
