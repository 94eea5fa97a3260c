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

import sys
from typing import TYPE_CHECKING

from netwright.cli.options import add_options, options_given

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: CommandParser) -> None:
    """Add the flags of the command."""
    from netwright.serving.settings import ServeSettings

    parser.add_argument("ref", metavar="REF", help="a network, or a folder of models in numbered versions")
    add_options(parser, ServeSettings)


def run(options: Namespace, command: str) -> int:
    """Run the command; returns its exit status."""
    from netwright.serving import ServeSettings, serve

    settings = ServeSettings.from_options(options.ref, **options_given(options, ServeSettings))

    def on_ready(port: int, grpc_port: int) -> None:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        scheme = "https" if settings.tls_cert else "http"
        rpc = f", gRPC on {host}:{grpc_port}" if grpc_port else ""
        address = f"unix:{settings.uds}" if settings.uds else f"{scheme}://{host}:{port}"
        print(f"serving on {address}{rpc}; Ctrl-C stops it", file=sys.stdout, flush=True)

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
