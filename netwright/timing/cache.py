"""Latencies that were measured, in the user's cache folder: a small file for each network, setting and device."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from netwright.arch import Arch
from netwright.errors import OutputError
from netwright.system.atomic import write_text
from netwright.system.fetch import cache_folder
from netwright.timing.timed import Latency

__all__ = ["LatencyCache", "network_key"]

_FORMAT = 2  # of the files; also raised when networks are written or timed in another way
_REFERENCE, _ABOUT = "reference.json", "about.json"


def network_key(network: Arch | Path) -> str:
    """A digest of what is computed: of the network, whatever its name; of a file with all its bytes."""
    if isinstance(network, Path):
        found = hashlib.sha256()
        for path in (network, network.with_suffix(".bin")):
            if path.is_file():
                found.update(path.read_bytes())
        return found.hexdigest()[:32]
    values = {name: value for name, value in network.to_dict().items() if name != "name"}
    return _digest(values)


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]


class LatencyCache:
    """The latencies of one device in one setting, beside one reference network.

    A file that cannot be read or written is as if it were not there: the network is measured again.

    Args:
        about: Device, versions, setting and reference, for JSON; what differs in any of it is kept apart.
        folder: Instead of the user's.
    """

    def __init__(self, about: Mapping[str, Any], folder: Path | None = None) -> None:
        self._about = {"format": _FORMAT, **about}
        self._folder = (folder or cache_folder() / "latency") / _digest(self._about)

    def get(self, key: str) -> Latency | None:
        """The latency of a network, None where it is not known. key: of `network_key`."""
        reference = self.reference_ms
        values = self._read(f"{key}.json")
        if reference is None or values is None:
            return None
        try:
            return Latency.from_kept(values, reference)
        except (KeyError, TypeError, ValueError):
            return None

    def put(self, key: str, latency: Latency) -> None:
        """Keep a latency."""
        self._write(f"{key}.json", latency.kept())

    @property
    def reference_ms(self) -> float | None:
        """Milliseconds of the reference in the quietest session so far."""
        values = self._read(_REFERENCE)
        found = None if values is None else values.get("ms")
        return float(found) if isinstance(found, int | float) and found > 0 else None

    def saw_reference(self, ms: float) -> float:
        """Keep the reference's milliseconds of a session where they are the fewest; returns the fewest."""
        known = self.reference_ms
        if known is not None and known <= ms:
            return known
        self._write(_ABOUT, self._about)  # for people
        self._write(_REFERENCE, {"ms": ms})
        return ms

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            values = json.loads((self._folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return values if isinstance(values, dict) else None

    def _write(self, name: str, values: Mapping[str, Any]) -> None:
        with suppress(OutputError):  # nothing depends on it but time
            write_text(self._folder / name, json.dumps(values), what="a latency", elsewhere="another NETWRIGHT_CACHE")
