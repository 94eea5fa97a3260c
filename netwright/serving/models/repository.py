"""The models of a server, each in its versions, replaced while it answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from netwright.errors import NetwrightError, ServeError
from netwright.serving.errors import RequestError
from netwright.serving.models.batcher import BatchRecord
from netwright.serving.models.discovery import Fingerprint, UnreadableFolder, VersionFiles, is_repository, look
from netwright.serving.models.index import IndexEntry, ModelEvent
from netwright.serving.models.version import ModelVersion, open_version

if TYPE_CHECKING:
    from netwright.serving.settings import ServeSettings

__all__ = ["IndexEntry", "ModelEvent", "Repository", "until_refresh"]

Key = tuple[str, int]  # name and version

_ONE_FILE = "this server has one network and no folder of models, so there is nothing to load or unload."
_ONE_OF_MANY = (
    "this is one of several processes, and only its own models would change. Start the server with one worker to load "
    "and unload by name. All processes follow what is added to the folder or removed from it."
)


class Repository:
    """The versions that answer. `open` opens all of them; `refresh` follows the folder, `watch` repeats it.

    Args:
        settings: Of the server.
        on_event: Called with what happens to versions.
        on_batch: Called with (name, version, record) after each batch.
        on_loading: Called with True before a version is opened and with False after it.
        is_alone: Whether no other process serves the same models, so that `load` and `unload` may change them.
        opens: Whether it is opened when it is made. Else `open` is called later, and until then it is not ready.

    Raises:
        ServeError: Where nothing can be served.
    """

    def __init__(
        self,
        settings: ServeSettings,
        *,
        on_event: Callable[[ModelEvent], None] = lambda event: None,
        on_batch: Callable[[str, int, BatchRecord], None] = lambda name, version, record: None,
        on_loading: Callable[[bool], None] = lambda is_loading: None,
        is_alone: bool = False,
        opens: bool = True,
    ) -> None:
        self._settings, self._on_event, self._on_batch = settings, on_event, on_batch
        self._on_loading, self._is_alone = on_loading, is_alone
        self._versions: Mapping[Key, ModelVersion] = {}  # replaced as a whole: readers take no lock
        self._failed: dict[Key, tuple[Fingerprint, str]] = {}
        self._seen: dict[Key, Fingerprint] = {}
        self._unreadable: tuple[UnreadableFolder, ...] = ()
        self._unloaded: dict[str, tuple[int, ...]] = {}  # model -> its versions when it was unloaded
        self._closing: set[ModelVersion] = set()  # no longer in _versions; they answer what they accepted
        self._refreshing = threading.Lock()
        self._stop = threading.Event()
        self._watcher: threading.Thread | None = None
        path = Path(settings.ref)
        self._folder = path if is_repository(path) else None
        self._is_opening = True
        if opens:
            self.open()

    def open(self) -> None:
        """Open what there is; ends early after `interrupt`.

        A folder that has no version yet is served too: it is not ready before its first.

        Raises:
            ServeError: Where nothing can be served, now or later.
        """
        if self._folder is None:
            only = open_version(self._settings, self._on_batch)
            self._versions = {(only.name, only.version): only}
            self._on_event(ModelEvent("loaded", only.name, only.version, f"from {self._settings.ref}"))
        else:
            self.refresh(at_once=True)
            if not self._versions and not self._stop.is_set():
                self._wait_for_models(self._folder)
        self._is_opening = False

    def interrupt(self) -> None:
        """Let `open` and `refresh` end after the version that they are at."""
        self._stop.set()

    def get(self, name: str, version: str | int = "") -> ModelVersion:
        """A version that answers.

        Args:
            name: Of the model; empty for the only model.
            version: Its number; empty or -1 for the highest that answers.

        Raises:
            RequestError: Where there is none.
        """
        versions = self._versions
        if self._is_opening:  # which is the only model, or the highest version, is not known yet
            raise RequestError("unavailable", "the server is loading its models.", retry_after=1)
        names = sorted({each for each, _ in versions})
        if not name and len(names) == 1:
            name = names[0]
        numbers = sorted(number for each, number in versions if each == name)
        if not numbers:
            known = ", ".join(names) or "none"
            if name in self._unloaded:
                raise RequestError(
                    "unknown", f"the model {name[:100]!r} is unloaded: load it first. Known are: {known}."
                )
            several = "no model is loaded"
            if names:
                several = (
                    f"the server has several models: name one, by --model {names[0]} of `netwright client` or "
                    f"?model={quote(names[0])} in the address"
                )
            problem = f"there is no model {name[:100]!r}" if name else several
            raise RequestError("unknown", f"{problem}; known are: {known}.")
        if version in ("", -1, "-1"):
            return versions[name, numbers[-1]]
        number = int(version) if str(version).isascii() and str(version).isdigit() and len(str(version)) < 20 else -1
        if number not in numbers:
            known = ", ".join(map(str, numbers))
            raise RequestError("unknown", f"{name} has no version {str(version)[:40]!r}; it has: {known}.")
        return versions[name, number]

    def matching(self, name: str = "", version: str | int = "") -> tuple[ModelVersion, ...]:
        """Every version of every model, of one model, or one version. RequestError where there is none."""
        if not name:
            return self.models()
        found = self.get(name, version)
        return tuple(each for each in self.models() if each is found or (each.name == name and version in ("", "-1")))

    def models(self) -> tuple[ModelVersion, ...]:
        """Everything that answers, sorted by name and version."""
        return tuple(each for _, each in sorted(self._versions.items()))

    def index(self) -> tuple[IndexEntry, ...]:
        """Everything that answers, failed to load, was unloaded or cannot be read, sorted by name and version."""
        versions, failed, unloaded = self._versions, dict(self._failed), dict(self._unloaded)
        reasons = {(each.name, each.version): each.reason for each in self._unreadable}
        reasons |= {(name, version): "unloaded" for name, numbers in unloaded.items() for version in numbers}
        reasons |= {key: why for key, (_, why) in failed.items()}
        return tuple(IndexEntry(*key, key in versions, reasons.get(key, "")) for key in sorted({*versions, *reasons}))

    def hanging(self) -> str:
        """Which computation takes longer than any request may wait for it, as a sentence; empty where none does."""
        limit = max(self._settings.heartbeat, self._settings.timeout)
        if not self._settings.heartbeat:
            return ""
        for each in (*self.models(), *self._closing):
            if each.batcher.computing > limit:
                return f"{each.name} version {each.version} has been at one computation for more than {limit:g} s"
        return ""

    def unready(self) -> str:
        """Why it takes no requests, as a sentence without its end; empty where it does."""
        if self._is_opening:
            return "the server is loading its models"
        if not self._versions and not self._unloaded:
            return f"no model is in {self._settings.ref} yet"
        return self.hanging()

    def load(self, name: str) -> None:
        """Open what the folder has of a model and is new or changed; also after `unload`.

        Raises:
            RequestError: Where there is no such model, or a version cannot be opened; the other versions then answer.
        """
        folder = self._controlled_folder()
        with self._refreshing:
            try:
                models = look(folder, self._settings.name)
            except ServeError as error:  # it may come back
                raise RequestError("unavailable", str(error)) from error
            found = [each for each in models.versions if each.name == name and each.fingerprint]
            failures = [f"{name} cannot be loaded: {each.reason}" for each in models.unreadable if each.name == name]
            if not found and not failures:
                raise RequestError("unknown", f"the folder has no model {name[:100]!r} with a version in it.")
            self._unloaded.pop(name, None)
            for each in found:
                key = (each.name, each.version)
                if key not in self._versions or self._versions[key].fingerprint != each.fingerprint:
                    self._open(key, each)
                    if key in self._failed:
                        failures.append(f"{name} version {each.version} cannot be loaded: {self._failed[key][1]}")
        if failures:
            raise RequestError("malformed", "; ".join(failures))

    def unload(self, name: str, timeout: float | None = None) -> None:
        """Remove a model until `load`, and answer what it accepted.

        Args:
            name: Of the model.
            timeout: Seconds for the answers; None for the server's `timeout`.

        Raises:
            RequestError: Where there is no such model.
        """
        self._controlled_folder()
        with self._refreshing:
            removed = [each for each in self.models() if each.name == name]
            numbers = [version for each, version in (*self._versions, *self._failed) if each == name]
            if not numbers and name not in self._unloaded:
                raise RequestError("unknown", f"there is no model {name[:100]!r} to unload.")
            self._unloaded[name] = tuple(sorted({*numbers, *self._unloaded.get(name, ())}))
            self._failed = {key: why for key, why in self._failed.items() if key[0] != name}
            self._versions = {key: each for key, each in self._versions.items() if key[0] != name}
            for each in removed:
                self._on_event(ModelEvent("unloaded", each.name, each.version, "by a request"))
        self._close_versions(removed, timeout)

    def refresh(self, *, at_once: bool = False) -> None:
        """Follow the folder: open what is new or changed, close what is gone. A version that fails changes nothing.

        Args:
            at_once: Open a version the first time it is seen. Otherwise two looks must find the same files, as a
                version may still be being written.
        """
        if self._folder is None:
            return
        with self._refreshing:
            now = look(self._folder, self._settings.name)
            self._note_unreadable(now.unreadable)
            found = {(each.name, each.version): each for each in now.versions if each.name not in self._unloaded}
            for key, each in found.items():
                if self._stop.is_set():
                    return
                has_settled = at_once or self._seen.get(key) == each.fingerprint
                is_known = key in self._versions and self._versions[key].fingerprint == each.fingerprint
                is_known |= key in self._failed and self._failed[key][0] == each.fingerprint
                if has_settled and not is_known and each.fingerprint:
                    self._open(key, each)
            self._seen = {key: each.fingerprint for key, each in found.items()}
            self._failed = {key: why for key, why in self._failed.items() if key in found}
            hidden = {(each.name, each.version) for each in now.unreadable}
            gone = [key for key in self._versions if key not in found and not {key, (key[0], 0)} & hidden]
            self._remove(gone)

    def watch(self) -> None:
        """Refresh every `poll` seconds until `close`."""
        if self._folder is None or not self._settings.poll or self._watcher:
            return
        self._watcher = threading.Thread(target=self._watch, name="models", daemon=True)
        self._watcher.start()

    def close(self, timeout: float | None = None) -> None:
        """Answer what was accepted, in at most `timeout` seconds for each model, and close everything."""
        self.interrupt()
        if self._watcher:
            self._watcher.join(timeout)
        for each in self.models():
            each.batcher.close(timeout)

    def _watch(self) -> None:
        while not self._stop.wait(until_refresh(time.time(), self._settings.poll)):
            try:
                self.refresh()
            except (ServeError, OSError) as error:  # the folder may come back
                self._on_event(ModelEvent("failed", "", 0, str(error)))

    def _wait_for_models(self, folder: Path) -> None:
        """Nothing was opened: an error where something was tried, or where nothing can follow."""
        if self._failed:
            reasons = "; ".join(f"{name} {version}: {why}" for (name, version), (_, why) in self._failed.items())
            raise ServeError(f"none of the models in {folder} can be served. {reasons}")
        if not self._settings.poll and not self._is_alone:
            raise ServeError(
                f"there is no model in {folder}, and with poll 0 nobody looks for one later. Copy one to "
                f"{folder / 'NAME' / '1'}, or give a --poll."
            )
        self._on_event(ModelEvent("awaited", "", 0, f"there is none in {folder} yet, as NAME/1/model.onnx or the like"))

    def _note_unreadable(self, unreadable: tuple[UnreadableFolder, ...]) -> None:
        for each in unreadable:
            if each not in self._unreadable:
                self._on_event(ModelEvent("failed", each.name, each.version, each.reason))
        self._unreadable = unreadable

    def _open(self, key: Key, files: VersionFiles) -> None:
        name, version = key
        self._on_loading(True)
        try:
            fresh = open_version(self._settings, self._on_batch, files)
        except Exception as error:  # a file of others may break its reader in any way; the other models answer on
            detail = str(error) if isinstance(error, NetwrightError) else f"{type(error).__name__}: {error}"
            self._failed[key] = (files.fingerprint, detail)
            answering = [number for each, number in sorted(self._versions) if each == name]
            still = f"; version {answering[-1]} continues to answer" if answering else ""
            self._on_event(ModelEvent("failed", name, version, f"cannot be loaded{still}: {detail}"))
            return
        finally:
            self._on_loading(False)
        old = self._versions.get(key)
        self._versions = {**self._versions, key: fresh}
        self._failed.pop(key, None)
        self._on_event(ModelEvent("replaced" if old else "loaded", name, version, f"from {files.ref}"))
        if old:
            self._close_versions([old])

    def _remove(self, keys: list[Key]) -> None:
        # the last versions stay: an empty folder is a mistake, or is being written anew
        if not keys or len(keys) == len(self._versions):
            return
        removed = [self._versions[key] for key in keys]
        self._versions = {key: each for key, each in self._versions.items() if key not in keys}
        for each in removed:
            self._on_event(ModelEvent("removed", each.name, each.version, "its folder is gone"))
        self._close_versions(removed)

    def _close_versions(self, versions: Sequence[ModelVersion], timeout: float | None = None) -> None:
        """In the time that any request has: after that nobody waits for them, and one that hangs must not block us."""
        self._closing.update(versions)
        for each in versions:
            each.batcher.close(self._settings.timeout if timeout is None else timeout)
            if not each.batcher.computing:  # else `hanging` still watches it
                self._closing.discard(each)

    def _controlled_folder(self) -> Path:
        """The folder, where models may be loaded and unloaded by name."""
        if self._folder is None:
            raise RequestError("malformed", _ONE_FILE)
        if not self._is_alone:
            raise RequestError("malformed", _ONE_OF_MANY)
        return self._folder


def until_refresh(now: float, poll: float) -> float:
    """Seconds to the next refresh: at moments that are the same for all processes of a machine.

    At least half of `poll`: two looks in quick succession would find the same files while one is being written.
    """
    left = poll - now % poll
    return left if left > poll / 2 else left + poll
