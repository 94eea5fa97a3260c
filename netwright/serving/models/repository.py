"""The models that a server has, each in its versions, exchanged while it answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.errors import NetwrightError, ServeError
from netwright.serving.errors import Refused
from netwright.serving.models.batcher import Batch
from netwright.serving.models.discovery import Found, find_models, is_repository
from netwright.serving.models.version import Served, open_served

if TYPE_CHECKING:
    from netwright.serving.settings import ServeSettings

__all__ = ["Event", "Listing", "Repository", "Served", "until_look"]

Key = tuple[str, int]

_ONE_FILE = "this server has one network and no folder of models, so there is nothing to load or unload."
_ONE_OF_MANY = (
    "this is one of several processes, and only its own models would change. Start the server with one worker to load "
    "and unload by name; what is put into its folder, or taken from there, all of them see."
)


@dataclass(frozen=True, slots=True)
class Listing:
    """A version as the index lists it. reason: why it could not be loaded, or empty; an older one may answer still."""

    name: str
    version: int
    is_ready: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a version: loaded, replaced, failed, removed or unloaded; said: in words."""

    kind: str
    name: str
    version: int
    said: str


class Repository:
    """Opens everything at once in the making; `refresh` looks again, `watch` does so every few seconds.

    on_event: hears what happened; on_batch: (name, version, batch); on_loading: whether a version is being opened.
    is_alone: no other process serves the same models, so `load` and `unload` may change them. Raises ServeError where
    nothing can be served.
    """

    def __init__(
        self,
        settings: ServeSettings,
        *,
        on_event: Callable[[Event], None] = lambda event: None,
        on_batch: Callable[[str, int, Batch], None] = lambda name, version, batch: None,
        on_loading: Callable[[bool], None] = lambda is_loading: None,
        is_alone: bool = False,
    ) -> None:
        self._settings, self._on_event, self._on_batch = settings, on_event, on_batch
        self._on_loading, self._is_alone = on_loading, is_alone
        self._served: Mapping[Key, Served] = {}  # replaced as a whole: readers take no lock
        self._failed: dict[Key, tuple[tuple[tuple[str, int, int], ...], str]] = {}
        self._seen: dict[Key, tuple[tuple[str, int, int], ...]] = {}
        self._unloaded: dict[str, tuple[int, ...]] = {}  # model -> its versions when it was unloaded
        self._leaving: set[Served] = set()  # answer what they accepted, and then go
        self._refreshing = threading.Lock()
        self._stop = threading.Event()
        self._watcher: threading.Thread | None = None
        path = Path(settings.ref)
        self._folder = path if is_repository(path) else None
        if self._folder is None:
            served = open_served(settings, on_batch)
            self._served = {(served.name, served.version): served}
            on_event(Event("loaded", served.name, served.version, f"from {settings.ref}"))
        else:
            self.refresh(at_once=True)
            if not self._served:
                reasons = "; ".join(f"{name} {version}: {why}" for (name, version), (_, why) in self._failed.items())
                raise ServeError(f"none of the models in {path} can be served. {reasons}")

    def get(self, name: str, version: str | int = "") -> Served:
        """A version, or the highest that answers; the only model where the name is empty. Refused if there is none."""
        served = self._served
        names = sorted({each for each, _ in served})
        if not name and len(names) == 1:
            name = names[0]
        have = sorted(number for each, number in served if each == name)
        if not have:
            known = ", ".join(names) or "none"
            if name in self._unloaded:
                raise Refused("unknown", f"the model {name[:100]!r} is unloaded: load it first. Known are: {known}.")
            several = "several models are here: name one" if names else "no model is loaded"
            asked = f"there is no model {name[:100]!r}" if name else several
            raise Refused("unknown", f"{asked}; known are: {known}.")
        if version in ("", -1, "-1"):
            return served[name, have[-1]]
        number = int(version) if str(version).isascii() and str(version).isdigit() and len(str(version)) < 20 else -1
        if number not in have:
            told = ", ".join(map(str, have))
            raise Refused("unknown", f"{name} has no version {str(version)[:40]!r}; it has: {told}.")
        return served[name, number]

    def matching(self, name: str = "", version: str | int = "") -> tuple[Served, ...]:
        """Every version of every model, of one, or the one version. Refused if there is none."""
        if not name:
            return self.models()
        found = self.get(name, version)
        return tuple(each for each in self.models() if each is found or (each.name == name and version in ("", "-1")))

    def models(self) -> tuple[Served, ...]:
        """Everything that answers, sorted."""
        return tuple(each for _, each in sorted(self._served.items()))

    def listings(self) -> tuple[Listing, ...]:
        """Everything that answers or should."""
        served, failed, unloaded = self._served, dict(self._failed), dict(self._unloaded)
        reasons = {(name, version): "unloaded" for name, versions in unloaded.items() for version in versions}
        reasons |= {key: why for key, (_, why) in failed.items()}
        return tuple(Listing(*key, key in served, reasons.get(key, "")) for key in sorted({*served, *reasons}))

    def hanging(self) -> str:
        """Which computation lasts longer than any request may wait for it, in words; or empty."""
        limit = max(self._settings.heartbeat, self._settings.timeout)
        if not self._settings.heartbeat:
            return ""
        for each in (*self.models(), *self._leaving):
            if each.batcher.computing > limit:
                return f"{each.name} version {each.version} has been at one computation for more than {limit:g} s"
        return ""

    def load(self, name: str) -> None:
        """Open what the folder has of a model, or has anew, and let it answer, also where it was unloaded.

        Refused where there is no such model, and where a version cannot be opened: the others answer then.
        """
        folder = self._steered()
        with self._refreshing:
            found = [each for each in find_models(folder, self._settings.name) if each.name == name and each.mark]
            if not found:
                raise Refused("unknown", f"the folder has no model {name[:100]!r} with a version in it.")
            self._unloaded.pop(name, None)
            said = []
            for each in found:
                key = (each.name, each.version)
                if key not in self._served or self._served[key].mark != each.mark:
                    self._take(key, each)
                    if key in self._failed:
                        said.append(f"{name} version {each.version} cannot be loaded: {self._failed[key][1]}")
        if said:
            raise Refused("malformed", "; ".join(said))

    def unload(self, name: str, timeout: float | None = None) -> None:
        """Answer what was accepted, in at most `timeout` seconds, and let a model go until `load`. Refused as there."""
        self._steered()
        with self._refreshing:
            gone = [each for each in self.models() if each.name == name]
            versions = [version for each, version in (*self._served, *self._failed) if each == name]
            if not versions and name not in self._unloaded:
                raise Refused("unknown", f"there is no model {name[:100]!r} to unload.")
            self._unloaded[name] = tuple(sorted({*versions, *self._unloaded.get(name, ())}))
            self._failed = {key: why for key, why in self._failed.items() if key[0] != name}
            self._served = {key: each for key, each in self._served.items() if key[0] != name}
            for each in gone:
                self._on_event(Event("unloaded", each.name, each.version, "as it was asked"))
        self._let_go(gone, timeout)

    def refresh(self, *, at_once: bool = False) -> None:
        """Look at the folder: open what is new or changed, let go what is gone. Whatever fails leaves what was there.

        A folder is opened when two looks saw it alike, for it may be in the making; at_once: this look is enough.
        """
        if self._folder is None:
            return
        with self._refreshing:
            models = find_models(self._folder, self._settings.name)
            found = {(each.name, each.version): each for each in models if each.name not in self._unloaded}
            for key, each in found.items():
                has_settled = at_once or self._seen.get(key) == each.mark
                is_known = key in self._served and self._served[key].mark == each.mark
                is_known |= key in self._failed and self._failed[key][0] == each.mark
                if has_settled and not is_known and each.mark:
                    self._take(key, each)
            self._seen = {key: each.mark for key, each in found.items()}
            self._failed = {key: why for key, why in self._failed.items() if key in found}
            self._remove([key for key in self._served if key not in found])

    def watch(self) -> None:
        """Refresh every `poll` seconds until `close`."""
        if self._folder is None or not self._settings.poll or self._watcher:
            return
        self._watcher = threading.Thread(target=self._watch, name="models", daemon=True)
        self._watcher.start()

    def close(self, timeout: float | None = None) -> None:
        """Answer what was accepted and let everything go."""
        self._stop.set()
        if self._watcher:
            self._watcher.join(timeout)
        for each in self.models():
            each.batcher.close(timeout)

    def _watch(self) -> None:
        while not self._stop.wait(until_look(time.time(), self._settings.poll)):
            try:
                self.refresh()
            except ServeError as error:  # the folder may come back
                self._on_event(Event("failed", "", 0, str(error)))

    def _take(self, key: Key, found: Found) -> None:
        name, version = key
        self._on_loading(True)
        try:
            fresh = open_served(self._settings, self._on_batch, found)
        except Exception as error:  # a foreign file may break its reader in any way, and the others go on
            said = str(error) if isinstance(error, NetwrightError) else f"{type(error).__name__}: {error}"
            self._failed[key] = (found.mark, said)
            stays = [number for each, number in sorted(self._served) if each == name]
            still = f"; version {stays[-1]} goes on answering" if stays else ""
            self._on_event(Event("failed", name, version, f"cannot be loaded{still}: {said}"))
            return
        finally:
            self._on_loading(False)
        old = self._served.get(key)
        self._served = {**self._served, key: fresh}
        self._failed.pop(key, None)
        self._on_event(Event("replaced" if old else "loaded", name, version, f"from {found.ref}"))
        if old:
            self._let_go([old])

    def _remove(self, keys: list[Key]) -> None:
        # the last versions stay: an empty folder is a mistake, or a folder that is being written anew
        if not keys or len(keys) == len(self._served):
            return
        gone = [self._served[key] for key in keys]
        self._served = {key: each for key, each in self._served.items() if key not in keys}
        for each in gone:
            self._on_event(Event("removed", each.name, each.version, "its folder is gone"))
        self._let_go(gone)

    def _let_go(self, gone: Sequence[Served], timeout: float | None = None) -> None:
        """In the time that any request has: beyond it nobody waits for them, and one that hangs holds up no look."""
        self._leaving.update(gone)
        for each in gone:
            each.batcher.close(self._settings.timeout if timeout is None else timeout)
            if not each.batcher.computing:  # else `hanging` looks at it still
                self._leaving.discard(each)

    def _steered(self) -> Path:
        if self._folder is None:
            raise Refused("malformed", _ONE_FILE)
        if not self._is_alone:
            raise Refused("malformed", _ONE_OF_MANY)
        return self._folder


def until_look(now: float, poll: float) -> float:
    """Seconds to the next look at the folder: a moment that is the same for all processes of a machine.

    At least half a poll: two looks in quick succession would both see a file in the making alike.
    """
    left = poll - now % poll
    return left if left > poll / 2 else left + poll
