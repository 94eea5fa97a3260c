"""The studio: populations in the browser. Needs the extra [serve]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netwright.studio.settings import StudioSettings

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["StudioSettings", "open_studio"]


def open_studio(*folders: str, on_ready: Callable[[str], None] | None = None, **options: Any) -> None:
    """Show populations in the browser: what `netwright studio` runs. It returns when it is interrupted.

        netwright.open_studio("runs", port=8700)

    Args:
        *folders: Folders that hold run folders, run folders themselves, or tables with an error column; `runs` without
            any.
        on_ready: Called with the address of the page once it answers.
        **options: Attributes of `StudioSettings`: host, port, token, host_names, look_only.

    Raises:
        ServeError: An unknown or impossible option, a folder that is not there, a port that is taken, or the extra
            [serve] is missing.
    """
    from netwright.studio.run import run_studio

    run_studio(StudioSettings.from_options(folders, **options), on_ready)
