"""Keep libtiff quiet: it writes a line to stderr for each row of a damaged image, into the middle of a log."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import cache
from pathlib import Path

__all__ = ["silence_libtiff"]

# where Pillow's wheels have their libraries, from the folder that PIL is in
_WHEELS = ("pillow.libs/libtiff*", "PIL/.dylibs/libtiff*")
_MAPS = Path("/proc/self/maps")


@cache
def silence_libtiff() -> bool:
    """Take the handlers of errors and warnings out of the libtiff that Pillow uses, for this process; whether it did.

    Pillow raises an exception all the same. On Windows the library is a part of Pillow, and cannot be told.
    """
    silenced = [_silence(path) for path in _libraries()]
    return any(silenced)


def _libraries() -> set[str]:
    import PIL
    import PIL._imaging  # loads libtiff

    root = Path(PIL.__file__).parent.parent
    found = {str(path) for pattern in _WHEELS for path in root.glob(pattern)}
    with suppress(OSError):  # of a Linux distribution
        found |= {line.split()[-1] for line in _MAPS.read_text().splitlines() if "/libtiff" in line}
    return found


def _silence(path: str) -> bool:
    try:
        library = ctypes.CDLL(path)
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            handler = getattr(library, name)
            handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            handler(None)
    except (OSError, AttributeError):
        return False
    return True
