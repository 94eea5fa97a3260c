"""List networks and their published weights, show one, convert weights, upload them.

list [PATTERN]: the networks by name, with their costs and their best published accuracy; 'regnet_y*' lists some, and
--pretrained those with published weights. show NAME|REF: a network or weights: costs, accuracies and who measured
them, recipe, license, where the weights are; nothing is downloaded for a published one. convert SRC DST --to FORMAT:
weights in the format of another library, strictly: nothing is written unless all tensors match and the file gives the
same network, preprocessing and answers when it is read back. push REF OWNER/NAME: upload weights to the Hugging Face
hub, with a model card that has the evidence of a design.
REF is a run folder, a weight file of netwright, timm, torchvision, pycls, classy-vision or MindCV, NAME[.TAG],
timm/NAME[.TAG], torchvision/NAME[/TAG], pycls/NAME, mindcv/NAME, hf-hub:OWNER/NAME[@REVISION], local-dir:FOLDER, or an
http address.
JSON: of list {"format": 1, "models": [{"name", "flops", "params", "acts", "resolution", "top1", "top1_from",
"weights"}, ...]}, of show the fields of the summary, of convert and push {"format": 1, "done": [...]}.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from netwright.errors import WeightsError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]

_WORDS = {
    "list": (0, 1, "[PATTERN]"),
    "show": (1, 1, "NAME|REF"),
    "convert": (2, 2, "SRC DST"),
    "push": (2, 2, "REF OWNER/NAME"),
}


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    parser.add_argument("action", choices=list(_WORDS), metavar="list|show|convert|push", help="what to do")
    parser.add_argument("words", nargs="*", metavar="WORD ...", help="PATTERN, NAME or REF, SRC DST, REF OWNER/NAME")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--pretrained", action="store_true", help="list: networks with published weights only")
    weights = parser.add_argument_group("weights (show, convert, push)")
    weights.add_argument(
        "--to", default="", metavar="FORMAT", help="convert: netwright, timm, torchvision, pycls or mindcv"
    )
    weights.add_argument(
        "--format",
        default="",
        metavar="FORMAT",
        help="the library whose tensor names the file has (default: found out)",
    )
    weights.add_argument(
        "--model", default="", metavar="NAME|YAML", help="the network, where the weights do not name it"
    )
    weights.add_argument("--ema", action="store_true", help="the moving average, where the file has both")
    hub = parser.add_argument_group("hub (push)")
    hub.add_argument("--private", action="store_true", help="create the repository as private")
    hub.add_argument(
        "--license", "--licence", default="", metavar="ID", help="of the weights, as the hub writes it: apache-2.0"
    )
    hub.add_argument("--message", default="", metavar="TEXT", help="of the commit")
    parser.is_intermixed = True  # words may stand before and after flags


def run(options: Namespace, command: str) -> int:
    """Run the command."""
    least, most, what = _WORDS[options.action]
    if not least <= len(options.words) <= most:
        raise WeightsError(
            f"`netwright models {options.action}` takes {what}, not {len(options.words)} words. Type "
            f"`netwright models {options.action} {what}`."
        )
    answer, lines = {"list": _list, "show": _show, "convert": _convert, "push": _push}[options.action](options)
    print(json.dumps({"format": 1} | answer, indent=2) if options.json else "\n".join(lines))
    return 0


def _list(options: Namespace) -> tuple[dict[str, Any], list[str]]:
    from netwright.arch import complexity, published
    from netwright.weights.zoo import WEIGHTS_SOURCES, list_models, published_weights

    pattern = options.words[0] if options.words else "*"
    rows: list[dict[str, Any]] = []
    for name in list_models(pattern, options.pretrained):
        arch, weights = published(name), published_weights(name)
        cost = complexity(arch)
        # the first of equals: the table lists the defaults first
        best = max((row for row in weights if row.top1 is not None), key=lambda row: row.top1 or 0.0, default=None)
        rows.append(
            {
                "name": name,
                "flops": int(cost.flops[0]),
                "params": int(cost.params[0]),
                "acts": int(cost.acts[0]),
                "resolution": arch.resolution,
                "top1": None if best is None else best.top1,
                "top1_from": ""
                if best is None
                else f"{best.ref}: {WEIGHTS_SOURCES[best.source].accuracy}, {best.evaluation}",
                "weights": [row.ref for row in weights],
            }
        )
    if not rows:
        few = " with published weights" if options.pretrained else ""
        raise WeightsError(f"no network{few} has a name like {pattern!r}. `netwright models list` lists all.")
    lines = [f"{'name':<20} {'flops':>9} {'params':>9} {'acts':>9}  best published top-1"]
    for row in rows:
        top1 = "-" if row["top1"] is None else f"{row['top1']:6.2f}  {row['top1_from'].split(':')[0]}"
        costs = " ".join(f"{_short(row[key]):>9}" for key in ("flops", "params", "acts"))
        lines.append(f"{row['name']:<20} {costs}  {top1}")
    return {"models": rows}, lines


def _short(value: int) -> str:
    """1_610_000_000 -> 1.61 G"""
    unit, name = next(((size, name) for size, name in ((1e9, "G"), (1e6, "M")) if value >= size), (1e3, "K"))
    return f"{value / unit:.3g} {name}"


def _show(options: Namespace) -> tuple[dict[str, Any], list[str]]:
    from netwright.weights.summary import summarize_model

    summary = summarize_model(options.words[0], **_reading(options))
    return summary.to_dict(), summary.lines()


def _reading(options: Namespace) -> dict[str, Any]:
    return {"model": options.model, "ema": options.ema, "format": options.format}


def _convert(options: Namespace) -> tuple[dict[str, Any], list[str]]:
    from netwright.weights import resolve_arch
    from netwright.weights.convert import convert
    from netwright.weights.refs import resolve_ref

    source, destination = options.words
    if not options.to:
        raise WeightsError(
            "`netwright models convert` needs the format to write. Add --to netwright, timm, torchvision, pycls or "
            "mindcv."
        )
    located = resolve_ref(source).located
    model = options.model or (str(located.network) if located.network else "")
    done = convert(
        located.path,
        destination,
        to=options.to,
        format=options.format,
        ema=options.ema,
        arch=resolve_arch(model) if model else None,
    )
    return {"done": done}, done


def _push(options: Namespace) -> tuple[dict[str, Any], list[str]]:
    from netwright.weights import load_model, push_to_hub

    ref, repository = options.words
    model = load_model(ref, **_reading(options))
    for notice in model.notices:
        print(notice, file=sys.stderr)
    address = push_to_hub(
        model,
        repository,
        private=options.private,
        license=options.license,
        message=options.message,
        design=ref,
    )
    done: Sequence[str] = [f"uploaded {model.source}", f"it is at {address}, and opens as hf-hub:{repository}"]
    return {"done": list(done), "address": address}, list(done)
