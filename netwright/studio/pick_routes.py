"""Addresses that send networks to longer training and to the test split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, Field

from netwright.analysis.where import where as narrowed
from netwright.studio.commands import as_typed
from netwright.studio.errors import StudioError
from netwright.studio.leaders import leaders
from netwright.studio.pick_images import images_of_pick
from netwright.studio.picks import PICKS, Pick, files_of, pick_words, picked, test_folder, test_words, write_pick
from netwright.studio.sweep_commands import recorded_option, run_name

if TYPE_CHECKING:
    from netwright.studio.state import Studio

__all__ = ["pick_routes"]

_MOST = 16


class Chosen(BaseModel):
    """A network, and the name of its run."""

    p: str
    trial: int
    name: str


class PickForm(BaseModel):
    """Networks to be trained longer; dry: only the commands are wanted."""

    chosen: Annotated[list[Chosen], Field(min_length=1, max_length=_MOST)]
    epochs: Annotated[int, Field(ge=1, le=100_000)]
    data_dir: str = ""
    val_fraction: Annotated[float, Field(ge=0, lt=1)] | None = None
    dry: bool = True


class TestForm(BaseModel):
    """A pick to be measured on a split; dry: only the command is wanted."""

    name: str
    split: str = "test"
    dry: bool = True


def pick_routes(studio: Studio) -> APIRouter:
    """The addresses, for `FastAPI.include_router`."""
    router = APIRouter(prefix="/api")

    @router.get("/picks")
    def picks() -> dict[str, Any]:
        return {"picks": picked(studio.entries.home(), studio.entries, studio.jobs.all())}

    @router.post("/pick")
    def pick(form: PickForm) -> dict[str, Any]:
        if len({each.name for each in form.chosen}) < len(form.chosen):
            raise StudioError(422, "two of the runs have one name. Rename one.")
        planned = []
        for each in form.chosen:
            opened = studio.populations.open(each.p)
            folder = studio.new_folder(run_name(each.name))
            images = form.data_dir.strip() or recorded_option(opened, "data_dir") or "digits"
            if images.startswith("-"):
                raise StudioError(422, f"the images are a folder, or digits, not {images[:80]!r}.")
            cut = images_of_pick(opened.entry.folder, images, folder.parent / PICKS)
            how = Pick(each.name, form.epochs, images, cut, form.val_fraction)
            planned.append((opened, each, folder.parent, how, pick_words(folder.parent, how)))
        if not form.dry:
            studio.require_work()
            for opened, each, home, how, words in planned:
                write_pick(home, how, opened, each.trial)
                studio.jobs.start(how.name, words)
        return {
            "commands": [as_typed(words) for *_, words in planned],
            "has_test": all(how.images.has_test for *_, how, _ in planned),
        }

    @router.get("/best")
    def best(p: str, where: str = "") -> dict[str, Any]:
        opened = studio.populations.open(p)
        return leaders(opened, narrowed(opened.view, where))

    @router.get("/pick_file")
    def file(name: str, file: str) -> Response:
        home = studio.require_home()
        path = next((each for each in files_of(home, run_name(name)) if each.name == file), None)
        if path is None:
            raise StudioError(404, f"{name} has no file {file[:80]!r}.")
        return FileResponse(path, filename=path.name, media_type="application/octet-stream")

    @router.post("/test")
    def test(form: TestForm) -> dict[str, Any]:
        home = studio.require_home()
        words = test_words(home, run_name(form.name), form.split)
        if not form.dry:
            studio.require_work()
            studio.jobs.start(test_folder(home, form.name).name, words)
        return {"command": as_typed(words)}

    return router
