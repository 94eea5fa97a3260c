from argparse import SUPPRESS, ArgumentError

import pytest

from netwright.cli.parser import Argument, CommandParser


def made(**settings: bool) -> CommandParser:
    parser = CommandParser("netwright x", "What it does.", **settings)
    parser.add_argument("ref", metavar="REF", help="what")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="which")
    parser.add_argument("-n", "--number", type=int, default=3, metavar="N", help="how many (default: %(default)s)")
    first = parser.add_argument_group("first", "about it")
    first.add_argument("--mode", choices=["a", "b"], required=True, help="one of two")
    parser.add_argument_group("second").add_argument("--quick", action="store_true", help="100%% quick")
    parser.add_argument_group("first").add_argument("--hidden", default=SUPPRESS, meaning=7, help=SUPPRESS)
    return parser


def test_it_knows_what_was_added() -> None:
    parser = made()
    assert parser.arguments == [
        Argument(("ref",), "REF", 1, (), None, "what"),
        Argument(("paths",), "PATH", "*", (), None, "which"),
        Argument(("-n", "--number"), "N", 1, (), 3, "how many (default: 3)"),
        Argument(("--mode",), "mode", 1, ("a", "b"), None, "one of two", is_required=True),
        Argument(("--quick",), "quick", 0, (), False, "100% quick"),
        Argument(("--hidden",), "hidden", 1, (), 7, ""),
    ]
    assert list(parser.flags) == ["-n", "--number", "--mode", "--quick", "--hidden"]
    assert parser.flags["-n"] is parser.flags["--number"]


def test_help_has_the_groups_once_and_the_arguments_in_its_usage() -> None:
    parser = made()
    parser.epilog = "The end."
    text = parser.format_help()
    assert text.startswith("usage: netwright x REF [PATH ...] [options]\n\nWhat it does.\n")
    assert text.count("first:\n  about it\n") == 1
    assert "--hidden" not in text
    assert text.endswith("The end.\n")


def test_words_are_read() -> None:
    options = made().parse_args(["r", "p", "q", "--mode", "a", "-n", "4"])
    assert vars(options) == {"ref": "r", "paths": ["p", "q"], "number": 4, "mode": "a", "quick": False}
    assert made().parse_known_args(["r", "--mode", "b", "--what", "x"])[1] == ["--what", "x"]


def test_arguments_may_stand_before_and_after_flags_where_a_command_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["r", "--mode", "a", "p", "--quick", "q"]
    with pytest.raises(SystemExit):
        made().parse_args(words)
    assert "unrecognized arguments" in capsys.readouterr().err
    parser = made()
    parser.is_intermixed = True
    assert parser.parse_args(words).paths == ["p", "q"]


def test_mistakes_may_be_exceptions() -> None:
    with pytest.raises(ArgumentError, match="--number: invalid int value: 'x'"):
        made(raises=True).parse_known_args(["r", "--mode", "a", "--number", "x"])
