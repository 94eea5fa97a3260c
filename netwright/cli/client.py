"""Classify images with a server of `netwright serve`.

  netwright client http://127.0.0.1:8000 photo.jpg other.png
  netwright client http://127.0.0.1:8000 photos "more/*.png"    folders, and patterns in quotes
  netwright client https://example.org/images photo.jpg         below a path, as a proxy has it
  netwright client unix:/run/netwright.sock photo.jpg           over a Unix socket, of `netwright serve --uds`
  netwright client http://127.0.0.1:8000            lists its models

Prints one line per image, and below it one line per class: rank, probability, name. JSON: {"predictions":
[{"path", "classes"}], "errors": [{"path", "reason"}]}. An image that the server refuses is reported; the others are
classified, and the exit status is 1.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: CommandParser) -> None:
    """Add the flags of the command."""
    parser.add_argument("address", metavar="ADDRESS", help="as `netwright serve` prints it: http://127.0.0.1:8000")
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="IMAGE",
        help="image files, folders of them, or patterns; without any, the models are listed",
    )
    parser.add_argument("--model", default="", metavar="NAME", help="its name; needed where there are several")
    parser.add_argument("--version", default="", metavar="N", help="its number; the highest if left out")
    parser.add_argument("--top_k", type=int, default=5, metavar="K", help="classes per image (default: %(default)s)")
    parser.add_argument("--format", choices=["table", "json"], default="table", help="(default: %(default)s)")
    parser.add_argument("--token", default="", metavar="TOKEN", help="the server's; better given as $NETWRIGHT_TOKEN")
    parser.add_argument("--ca_file", default=None, metavar="FILE", help="certificates to trust, PEM")
    parser.add_argument(
        "--timeout", type=float, default=60.0, metavar="SECONDS", help="for an answer (default: %(default)s)"
    )


def run(options: Namespace, command: str) -> int:
    """Run the command; returns its exit status."""
    from netwright.errors import ServeError
    from netwright.serving import Client

    token = options.token or os.environ.get("NETWRIGHT_TOKEN", "")
    with Client(options.address, token=token, timeout=options.timeout, ca_file=options.ca_file) as client:
        if not options.paths:
            _show_models(client.models(), options.format)
            return 0
        predictions: list[dict[str, Any]] = []
        errors: list[dict[str, str]] = []
        paths = _files(options.paths, errors)
        for path in paths:
            try:
                classes = client.predict(path, top_k=options.top_k, model=options.model, version=options.version)
                predictions.append({"path": path, "classes": classes})
            except ServeError as error:
                errors.append({"path": path, "reason": str(error)})
    if options.format == "json":
        print(json.dumps({"predictions": predictions, "errors": errors}, indent=2))
    for prediction in predictions if options.format == "table" else []:
        print(prediction["path"])
        for rank, each in enumerate(prediction["classes"], 1):
            print(f"  {rank:>2}  {each['probability']:7.2%}  {each.get('description') or each['name']}")
    for each in errors:
        print(f"netwright client: {each['path']}: {each['reason']}", file=sys.stderr)
    return 1 if errors else 0


def _files(words: list[str], errors: list[dict[str, str]]) -> list[str]:
    """The files that the words mean, in their order; a folder or a pattern without images is an error."""
    import glob

    from netwright.data.folder import scan_images
    from netwright.errors import DataError

    files: list[str] = []
    for word in words:
        found = [word]
        if os.path.isdir(word):
            try:
                found = [os.path.join(word, path) for path, _ in scan_images(Path(word))]
            except DataError as error:
                errors.append({"path": word, "reason": str(error)})
                continue
        elif not os.path.exists(word) and glob.has_magic(word):
            found = sorted(each for each in glob.glob(word, recursive=True) if os.path.isfile(each))
        if not found:
            errors.append({"path": word, "reason": "no image is there."})
        files += found
    return files


def _show_models(models: list[dict[str, str]], form: str) -> None:
    if form == "json":
        print(json.dumps(models, indent=2))
        return
    for each in models:
        print(f"{each['name']}  version {each['version']}  {each['state'].lower()}  {each['reason']}".rstrip())
