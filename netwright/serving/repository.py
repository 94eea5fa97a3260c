"""The models that a server has, each in its versions, exchanged while it answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.errors import NetwrightError, ServeError
from netwright.serving.batcher import Batch, Batcher
from netwright.serving.layout import Found, find_models, is_repository
from netwright.serving.refusal import Refused

if TYPE_CHECKING:
    from netwright.deploy import Runtime
    from netwright.serving.settings import ServeSettings

__all__ = ["Event", "Listing", "Repository", "Served"]

Key = tuple[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A version of a model that answers."""

    name: str
    version: int
    runtime: Runtime
    batcher: Batcher
    mark: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """A version as the index lists it. reason: why it could not be loaded, or empty; an older one may answer still."""

    name: str
    version: int
    is_ready: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a version: loaded, replaced, failed or removed; said: in words."""

    kind: str
    name: str
    version: int
    said: str


class Repository:
    """Opens everything at once in the making; `refresh` looks again, `watch` does so every few seconds.

    on_event: hears what happened; on_batch: (name, version, batch). Raises ServeError where nothing can be served.
    """

    def __init__(
        self,
        settings: ServeSettings,
        *,
        on_event: Callable[[Event], None] = lambda event: None,
        on_batch: Callable[[str, int, Batch], None] = lambda name, version, batch: None,
    ) -> None:
        self._settings, self._on_event, self._on_batch = settings, on_event, on_batch
        self._served: Mapping[Key, Served] = {}  # replaced as a whole: readers take no lock
        self._failed: dict[Key, tuple[tuple[tuple[str, int, int], ...], str]] = {}
        self._seen: dict[Key, tuple[tuple[str, int, int], ...]] = {}
        self._refreshing = threading.Lock()
        self._stop = threading.Event()
        self._watcher: threading.Thread | None = None
        path = Path(settings.ref)
        self._folder = path if is_repository(path) else None
        if self._folder is None:
            served = self._open_one(settings.ref)
            self._served = {(served.name, served.version): served}
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
            asked = f"there is no model {name[:100]!r}" if name else "several models are here: name one"
            raise Refused("unknown", f"{asked}; known are: {known}.")
        if version in ("", -1, "-1"):
            return served[name, have[-1]]
        number = int(version) if str(version).isascii() and str(version).isdigit() and len(str(version)) < 20 else -1
        if number not in have:
            told = ", ".join(map(str, have))
            raise Refused("unknown", f"{name} has no version {str(version)[:40]!r}; it has: {told}.")
        return served[name, number]

    def models(self) -> tuple[Served, ...]:
        """Everything that answers, sorted."""
        return tuple(each for _, each in sorted(self._served.items()))

    def listings(self) -> tuple[Listing, ...]:
        """Everything that answers or should."""
        keys = sorted({*self._served, *self._failed})
        return tuple(
            Listing(*key, key in self._served, self._failed[key][1] if key in self._failed else "") for key in keys
        )

    def refresh(self, *, at_once: bool = False) -> None:
        """Look at the folder: open what is new or changed, let go what is gone. Whatever fails leaves what was there.

        A folder is opened when two looks saw it alike, for it may be in the making; at_once: this look is enough.
        """
        if self._folder is None:
            return
        with self._refreshing:
            found = {(each.name, each.version): each for each in find_models(self._folder, self._settings.name)}
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
        while not self._stop.wait(self._settings.poll):
            try:
                self.refresh()
            except ServeError as error:  # the folder may come back
                self._on_event(Event("failed", "", 0, str(error)))

    def _take(self, key: Key, found: Found) -> None:
        name, version = key
        try:
            fresh = self._open_found(found)
        except Exception as error:  # a foreign file may break its reader in any way, and the others go on
            said = str(error) if isinstance(error, NetwrightError) else f"{type(error).__name__}: {error}"
            self._failed[key] = (found.mark, said)
            stays = [number for each, number in sorted(self._served) if each == name]
            still = f"; version {stays[-1]} goes on answering" if stays else ""
            self._on_event(Event("failed", name, version, f"cannot be loaded{still}: {said}"))
            return
        old = self._served.get(key)
        self._served = {**self._served, key: fresh}
        self._failed.pop(key, None)
        self._on_event(Event("replaced" if old else "loaded", name, version, f"from {found.ref}"))
        if old:
            old.batcher.close()

    def _remove(self, keys: list[Key]) -> None:
        # the last versions stay: an empty folder is a mistake, or a folder that is being written anew
        if not keys or len(keys) == len(self._served):
            return
        gone = [self._served[key] for key in keys]
        self._served = {key: each for key, each in self._served.items() if key not in keys}
        for each in gone:
            self._on_event(Event("removed", each.name, each.version, "its folder is gone"))
            each.batcher.close()

    def _open_one(self, ref: str) -> Served:
        runtime = self._runtime(ref, self._settings.name, "")
        number = int(runtime.info.version) if runtime.info.version.isdigit() else 1
        self._on_event(Event("loaded", runtime.info.name, number, f"from {ref}"))
        return self._serve(runtime, runtime.info.name, number, ())

    def _open_found(self, found: Found) -> Served:
        runtime = self._runtime(str(found.ref), found.name, str(found.version))
        return self._serve(runtime, found.name, found.version, found.mark)

    def _runtime(self, ref: str, name: str, version: str) -> Runtime:
        from netwright.deploy import open_runtime

        settings = self._settings
        runtime = open_runtime(
            ref,
            runtime=settings.runtime,
            precision=settings.precision,
            threads=settings.threads,
            name=name,
            version=version,
        )
        try:  # the first answer is slow, and a file may only break in computing
            _warm(runtime)
        except BaseException:
            runtime.close()
            raise
        return runtime

    def _serve(self, runtime: Runtime, name: str, version: int, mark: tuple[tuple[str, int, int], ...]) -> Served:
        settings = self._settings
        batcher = Batcher(
            runtime,
            max_batch=settings.max_batch,
            max_delay=settings.max_delay_ms / 1000,
            max_queue=settings.max_queue,
            on_batch=lambda batch: self._on_batch(name, version, batch),
        )
        return Served(name, version, runtime, batcher, mark)


def _warm(runtime: Runtime) -> None:
    import numpy as np

    runtime.probabilities(runtime.logits(np.zeros((1, *runtime.info.input_shape), dtype=np.float32)))
