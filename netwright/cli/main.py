"""The command line: finds the verb, and only then imports what it needs, so that `netwright --help` answers at once."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from netwright.errors import NetwrightError
from netwright.system.suggest import suggest
from netwright.version import __version__

if TYPE_CHECKING:
    from argparse import ArgumentParser

__all__ = ["VERBS", "main", "parser_of"]

# verb -> what it does, one line; the module of the same name in this package has SUMMARY, add_arguments and run
VERBS = {
    "design": "the guided job: from images and a budget to a chosen, explained network",
    "space": "list, show or count design spaces",
    "sample": "draw networks from a design space",
    "sweep": "train a population of a design space",
    "analyze": "what a population, or any table with an error column, shows",
    "compare": "test whether two populations differ",
    "train": "train a network from flags, a YAML recipe, or both; killed, it goes on where it was",
    "validate": "measure a trained network: accuracy, calibration, what it confuses",
    "predict": "what a trained network sees in files, folders and web addresses",
    "export": "write a network as a file for ONNX Runtime, OpenVINO or torch, checked; int8 too",
    "serve": "answer programs and people: REST, gRPC, a page; batched, several models and versions",
    "client": "ask a server of `netwright serve` from the command line",
    "models": "list networks and everyone's weights, show one, convert weights, upload them",
    "bench": "how fast networks train and answer here, beside timm and torchvision",
}

_HELP = """usage: netwright VERB [options]

Design network design spaces: sample a population, train it briefly, compare error
distributions, refine the space, and pick a simple, strong network with the evidence why.

verbs:
{verbs}

  netwright VERB --help says what a verb takes.   netwright --version says {version}.

start here:
  netwright design                                       the whole job on bundled handwritten digits
  netwright design --data_dir PHOTOS --max_flops 40M     on a folder of images, a folder a class
  netwright space show regnetx                           what a design space is
  netwright export runs/digits --out net.onnx            what came of it, as a file
  netwright serve net.onnx                               and as a service: http://127.0.0.1:8000
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 for a mistake that a message explains, 2 for wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        verbs = "\n".join(f"  {verb:<9} {summary}" for verb, summary in VERBS.items())
        print(_HELP.format(verbs=verbs, version=__version__))
        return 0
    if words[0] == "--version":
        print(f"netwright {__version__}")
        return 0
    if words[0] not in VERBS:
        print(f"netwright: unknown verb {words[0]!r}: {suggest(words[0], VERBS)}", file=sys.stderr)
        return 2
    module = importlib.import_module(f"netwright.cli.{words[0]}")
    parser = parser_of(words[0], module)
    _refuse_unknown(parser, words[1:])
    options = parser.parse_args(words[1:])
    try:
        return int(module.run(options, " ".join(["netwright", *map(_quoted, words)])))
    except NetwrightError as error:
        print(f"netwright {words[0]}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"\nnetwright {words[0]}: interrupted. What was finished is kept; the same command goes on.",
            file=sys.stderr,
        )
        return 130
    except BrokenPipeError:  # the reader (head, say) has seen enough
        sys.stderr.close()
        return 0


def parser_of(verb: str, module: ModuleType | None = None) -> ArgumentParser:
    """The parser of a verb."""
    from argparse import ArgumentParser, RawDescriptionHelpFormatter

    module = module or importlib.import_module(f"netwright.cli.{verb}")
    parser = ArgumentParser(
        prog=f"netwright {verb}",
        description=module.__doc__,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    given = (action for action in parser._actions if not action.option_strings)
    forms = {"?": "[{}]", "*": "[{} ...]", "+": "{} [...]"}
    names = (forms.get(str(each.nargs), "{}").format(each.metavar) for each in given)
    parser.usage = " ".join([f"netwright {verb}", *names, "[options]"])  # the flags are listed below it
    return parser


def _refuse_unknown(parser: ArgumentParser, words: Sequence[str]) -> None:
    """A flag that does not exist, with the nearest name, before anything else is looked at."""
    known = [flag for action in parser._actions for flag in action.option_strings]
    for word in words:
        flag = word.split("=", 1)[0]
        if flag.startswith("--") and flag != "--" and flag not in known:
            hint = suggest(flag, known, f"`{parser.prog} --help` lists what there is.")
            print(f"{parser.prog}: unknown flag {flag!r}: {hint}", file=sys.stderr)
            raise SystemExit(2)


def _quoted(word: str) -> str:
    import shlex

    return shlex.quote(word)


if __name__ == "__main__":
    sys.exit(main())
