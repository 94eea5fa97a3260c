"""A check as text for the terminal."""

from __future__ import annotations

from netwright.curation.checking import DataCheck
from netwright.curation.findings import LEVELS, Finding
from netwright.system.plural import count

__all__ = ["check_text"]

_MOST_NAMED = 5


def check_text(check: DataCheck) -> str:
    """What was read, then each finding with a few of its images, the worst last: that is where a reader looks first."""
    lines = check.summary.lines()
    for level in reversed(LEVELS):
        for finding in check.of_level(level):
            lines += ["", *_finding(finding)]
    told = ", ".join(count(len(check.of_level(level)), level) for level in LEVELS)
    rate = len(check.scan.height) / max(check.seconds, 1e-9)
    lines += ["", f"{told}; {int(check.scan.readable.sum()):,} of {count(len(check.scan.height), 'image')} can be read "
              f"({check.seconds:.1f} s, {rate:,.0f} images/s)"]  # fmt: skip
    return "\n".join(lines)


def _finding(finding: Finding) -> list[str]:
    lines = [f"{finding.level}: {finding.title}: {finding.text}"]
    for group in finding.groups[:_MOST_NAMED]:
        named = " = ".join(group.names[:4]) + (" = ..." if len(group.names) > 4 else "")
        lines.append(f"  {named}{f' ({group.detail})' if group.detail else ''}")
    if len(finding.groups) > _MOST_NAMED:
        lines.append(f"  and {len(finding.groups) - _MOST_NAMED:,} more")
    return lines
