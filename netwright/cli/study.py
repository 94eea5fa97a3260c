"""Several design spaces and planned comparisons of them, trained by turns until each comparison is decided.

FILE is YAML: what a sweep is given, the spaces, and of which two the difference is to be known. A comparison ends as
soon as the difference is established, or shown to be smaller than its margin; the whole study is wrong with at most 5%
probability, however often it is looked at. After an interruption the same command continues; spaces and comparisons
that are added to the file are added to the study. `netwright sweep --pause DIR` (--resume, --stop) works here too.

  name: widths
  sweep: {data_dir: photos, epochs: 5, flops: 20M:25M}    # any flags of netwright sweep
  spaces:
    C: anynetx_c
    D: {space: anynetx_d, parent: C}                      # or a YAML file of a space
  comparisons:
    - {of: D - C, question: "do widths that never fall help?"}
  trials: 96        # of each space, at most
  looks: 12
  margin: 2.0       # points that do not matter

  netwright study widths.yaml --plan                      what it would train, and what that can show
  netwright study widths.yaml --estimate                  how long that takes here; with --budget, how far that goes
  netwright study widths.yaml --out runs/widths
  netwright study widths.yaml --out runs/widths --budget 2h      a sitting; the next one goes on, by the same command
  netwright study widths.yaml --out runs/widths --report  a report of what is there, while it runs too
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netwright.cli.options import add_options, duration, options_given

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]

_FLAGS = (
    *("data_dir", "workers", "device", "trial_timeout", "retry_failed"),
    *("executor", "address", "trial_cpus", "trial_gpus"),
)


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    from netwright.workflow.config import DesignConfig

    parser.add_argument("study", metavar="FILE", help="YAML file of a study")
    parser.add_argument("--out", metavar="DIR", help="where results go (default: runs/NAME)")
    parser.add_argument("--plan", action="store_true", help="print what would be trained, and train nothing")
    parser.add_argument("--estimate", action="store_true", help="say what it will take here, and train nothing")
    parser.add_argument(
        "--budget", type=duration, metavar="TIME", help="of this sitting: no trial begins that would end after it"
    )
    parser.add_argument("--report", action="store_true", help="write the report of what is there, and train nothing")
    parser.add_argument("--json", action="store_true", help="for machines")
    add_options(parser, DesignConfig, _FLAGS, group="in place of what the file says")


def run(options: Namespace, command: str) -> int:
    """Do it."""
    import json

    from netwright.studies.planning import planned_text
    from netwright.studies.promises import alphas
    from netwright.studies.report import write_study_report
    from netwright.studies.result import result_of
    from netwright.studies.run import study
    from netwright.studies.study_file import read_study
    from netwright.workflow.config import DesignConfig

    found = read_study(options.study)
    if options.plan:
        print(planned_text(found))
        return 0
    out = Path(options.out) if options.out else Path("runs") / found.name
    if options.report:
        result = result_of(found, out, alphas(found, out))
    else:
        given = {name: value for name, value in options_given(options, DesignConfig).items() if name in _FLAGS}
        result = study(found, out, **given, budget=options.budget, estimate=options.estimate, command=command)
        if result.estimate is not None:
            print(json.dumps(result.to_dict()["estimate"], indent=2) if options.json else result.estimate.text())
            return 0
    page = write_study_report(result, command)
    print(json.dumps(result.to_dict(), indent=2) if options.json else result.text())
    if not options.json and page is not None:
        print(f"report: {page}")
    return 0 if result.is_over or result.is_out_of_time or options.report else 1
