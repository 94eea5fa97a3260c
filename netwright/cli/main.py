"""The command line: finds the command and imports only what it needs, so that `netwright --help` answers at once."""

from __future__ import annotations

import importlib
import keyword
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from types import ModuleType
from typing import TYPE_CHECKING

from netwright.errors import NetwrightError
from netwright.system.closed_pipe import outlive_readers
from netwright.system.console import tolerate
from netwright.system.suggest import suggest
from netwright.version import __version__

if TYPE_CHECKING:
    from netwright.cli.parser import CommandParser

__all__ = ["COMMANDS", "main", "parser_of"]

# command -> what it does, one line; the module of the same name in this package (import_.py, since `import` is a word
# of Python; data_check.py of `data check`) has add_arguments and run
COMMANDS = {
    "design": "the guided job: from images and a budget to a chosen, explained network",
    "space": "list, show or count design spaces",
    "plan": "how many networks a comparison needs, and what more of them buy",
    "sample": "draw networks from a design space",
    "sweep": "train a population of a design space",
    "copy": "copy a population, while a sweep trains it too; also as a table or an Optuna study",
    "merge": "make one population of several that were trained apart, on other machines or by other seeds",
    "import": "make a population of a table: CSV, Parquet, JSON, Optuna, pycls, W&B, Ray Tune",
    "analyze": "what a population, or any table with an error column, shows",
    "refine": "propose a narrower space from a population, with the evidence",
    "scale": "scale a network to a budget of flops, params or acts, or to several",
    "compare": "test whether two populations differ",
    "study": "several spaces and planned comparisons of them, trained until each is decided",
    "fidelity": "how well early epochs, or a cheaper population, rank networks",
    "figures": "the figures of the papers, of populations of your own",
    "studio": "populations in the browser: look, refine a space, set off the next sweep",
    "train": "train a network from flags, a YAML recipe, or both; interrupted, it continues where it was",
    "validate": "measure a trained network: accuracy, calibration, what it confuses",
    "predict": "what a trained network sees in files, folders and web addresses",
    "export": "write a network as a file for ONNX Runtime, OpenVINO, LiteRT or torch, checked; int8 too",
    "serve": "answer programs and people: REST, gRPC, a page; batched, several models and versions",
    "client": "send requests to a server of `netwright serve` from the command line",
    "data check": "what is wrong with a folder of images: damaged, doubled, mislabeled, uneven",
    "data show": "batches as the network sees them, augmentation and all, as a page",
    "data bench": "how fast images are read, decoded and augmented, and what would make it faster",
    "data prepare": "make images smaller once, as shards that are read many times as fast",
    "models": "list networks and published weights, show one, convert weights, upload them",
    "latency": "how long networks answer here, in what will serve them; or predict it for a design space",
    "bench": "how fast networks train and answer here, beside timm and torchvision",
}

# what these leave in their folders is worth more than what they print
_OUTLIVE_READERS = ("design", "sweep", "study", "train")

_WIDE = max(map(len, COMMANDS))

_HELP = """usage: netwright COMMAND [options]

Design network design spaces: sample a population, train it briefly, compare error
distributions, refine the space, and pick a simple, strong network with the evidence why.

commands:
{commands}

  netwright COMMAND --help lists the options of a command.   netwright --version prints {version}.

start here:
  netwright design                                       the whole job on bundled handwritten digits
  netwright design --data_dir PHOTOS --budget 20m        on a folder of images, a folder a class, in 20 minutes
  netwright train --data_dir PHOTOS                      or one network for them, from published weights
  netwright space show regnetx                           what a design space is
  netwright export runs/design --out net.onnx            the result, as a file
  netwright serve net.onnx                               and as a service: http://127.0.0.1:8000
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 for a mistake that a message explains, 2 for wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _replace_unprintable()
    if not words or words[0] in ("-h", "--help", "help"):
        print(_HELP.format(commands=_listed(COMMANDS), version=__version__))
        return 0
    if words[0] == "--version":
        print(f"netwright {__version__}")
        return 0
    words = _joined(words)
    if group := [command for command in COMMANDS if command.startswith(f"{words[0]} ")]:
        return _of_group(words, group)
    if words[0] not in COMMANDS:
        print(f"netwright: unknown command {words[0]!r}: {suggest(words[0], COMMANDS)}", file=sys.stderr)
        return 2
    from netwright.cli.parser import underscored

    module = _module_of(words[0])
    parser = parser_of(words[0], module)
    rest = underscored(words[1:], parser.flags)
    _refuse_unknown(parser, rest)
    options = parser.parse_args(rest)
    if words[0] in ("train", "validate") and os.environ.get("MS_ROLE") == "MS_SCHED":
        print("netwright: the ranks find each other without msrun's scheduler, which ends here")
        return 0
    try:
        with outlive_readers(parser.name) if words[0] in _OUTLIVE_READERS else nullcontext():
            return int(module.run(options, " ".join(["netwright", words[0], *map(_quoted, words[1:])])))
    except NetwrightError as error:
        print(f"netwright {words[0]}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"\nnetwright {words[0]}: interrupted. What was finished is kept; the same command continues.",
            file=sys.stderr,
        )
        return 130
    except BrokenPipeError:  # the reader, such as head, has seen enough
        sys.stderr.close()
        return 0


def _joined(words: list[str]) -> list[str]:
    """The words of a command line, where those of a command of two are one: data check -> "data check"."""
    command = " ".join(words[:2])
    return [command, *words[2:]] if command in COMMANDS else words


def _listed(commands: Iterable[str]) -> str:
    return "\n".join(f"  {command:<{_WIDE}} {COMMANDS[command]}" for command in commands)


def _of_group(words: Sequence[str], group: Sequence[str]) -> int:
    """Of the first word of several commands: which there are."""
    if len(words) == 1 or words[1] in ("-h", "--help", "help"):
        print(f"usage: netwright {words[0]} COMMAND [options]\n\n{_listed(group)}")
        return 0
    names = [command.split()[1] for command in group]
    hint = suggest(words[1], names)
    print(f"netwright: unknown command {' '.join(words[:2])!r}: {hint}", file=sys.stderr)
    return 2


def _module_of(command: str) -> ModuleType:
    name = command.replace(" ", "_")
    return importlib.import_module(f"netwright.cli.{name}{'_' if keyword.iskeyword(name) else ''}")


def _replace_unprintable() -> None:
    """A terminal or a pipe of another encoding than UTF-8 gets what is nearest, not a traceback after the work."""
    for stream in (sys.stdout, sys.stderr):
        tolerate(stream)


def parser_of(command: str, module: ModuleType | None = None) -> CommandParser:
    """The parser of a command. module: of the command, where it is imported already."""
    from netwright.cli.parser import CommandParser

    module = module or _module_of(command)
    parser = CommandParser(f"netwright {command}", module.__doc__)
    module.add_arguments(parser)
    return parser


def _refuse_unknown(parser: CommandParser, words: Sequence[str]) -> None:
    """A flag that does not exist, with the nearest name, before anything else is looked at."""
    known = [*parser.flags, "--help"]
    for word in words:
        flag = word.split("=", 1)[0]
        if flag.startswith("--") and flag != "--" and flag not in known:
            hint = suggest(flag, known, "")
            if flag in ("--pretrained", "--checkpoint", "--class_weights", "--early_stopping") and flag not in known:
                hint = f"`netwright train {flag}` takes it."
            hint = hint or f"`{parser.name} --help` lists what there is."
            print(f"{parser.name}: unknown flag {flag!r}: {hint}", file=sys.stderr)
            raise SystemExit(2)
    takes_words = any(not argument.is_flag for argument in parser.arguments)
    if words and "--data_dir" in known and not takes_words and os.path.isdir(os.path.expanduser(words[0])):
        folder = _quoted(words[0])
        print(f"{parser.name}: {folder} is no flag: did you mean --data_dir {folder}?", file=sys.stderr)
        raise SystemExit(2)


def _quoted(word: str) -> str:
    import shlex

    return shlex.quote(word)


if __name__ == "__main__":
    sys.exit(main())
