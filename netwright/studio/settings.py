"""What the studio is given: what it shows, and where it listens."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from netwright.errors import ServeError
from netwright.options import check_options, option, options_of
from netwright.serving.settings import is_loopback
from netwright.system.suggest import suggest

__all__ = ["StudioSettings"]

_LISTENING = "where it listens"
_TOKEN_BYTES = 24


@dataclass(frozen=True, slots=True)
class StudioSettings:
    """How the studio behaves. ServeError for an impossible value.

    Attributes:
        folders: What it shows: folders with runs in them, runs, tables.
    """

    folders: tuple[Path, ...]
    host: str = option("127.0.0.1", "127.0.0.1 is for this machine only", metavar="ADDRESS", group=_LISTENING)
    port: int = option(8700, "0 takes a free one", low=0, high=65535, metavar="PORT", group=_LISTENING)
    token: str = option(
        "",
        "whoever opens the page must know it; better given as $NETWRIGHT_TOKEN",
        metavar="TOKEN",
        default_text="none on this machine, a new one beyond it",
        group=_LISTENING,
    )
    host_names: str = option(
        "",
        "names that browsers call it by, besides localhost, where it listens for this machine only and has no token; "
        "with commas between, * for any",
        metavar="NAMES",
        group=_LISTENING,
    )
    look_only: bool = option(False, "nothing can be started, stopped or written from the page")

    def __post_init__(self) -> None:
        check_options(self, ServeError)
        for folder in self.folders:
            if not folder.exists():
                raise ServeError(
                    f"the studio shows folders with runs in them, runs and tables, and {folder} is not there. Make it, "
                    "or name another."
                )
        if any(not 33 <= ord(letter) <= 126 for letter in self.token):
            raise ServeError("a token is printable ASCII without spaces, since it travels in a header. Give another.")

    @classmethod
    def from_options(cls, folders: Sequence[str | Path], **options: Any) -> StudioSettings:
        """Settings by name, as the flags of `netwright studio` have them.

        Args:
            folders: What it shows; `runs`, which is made where it is not there, where none is named.
            **options: Attributes of this class. Without a token, it is that of the environment, $NETWRIGHT_TOKEN, and
                beyond this machine a new one.

        Raises:
            ServeError: An unknown name, or an impossible value.
        """
        known = [item.name for item in options_of(cls)]
        for name in options:
            if name not in known:
                raise ServeError(f"unknown option {name!r} of the studio: {suggest(name, known)}")
        if not folders:
            folders = ("runs",)
            Path("runs").mkdir(exist_ok=True)
        paths = tuple(dict.fromkeys(Path(folder).expanduser().resolve() for folder in folders))
        token = options.pop("token", "") or os.environ.get("NETWRIGHT_TOKEN", "")
        settings = cls(paths, **options, token=token)
        if not settings.token and not is_loopback(settings.host):
            return replace(settings, token=secrets.token_urlsafe(_TOKEN_BYTES))
        return settings
