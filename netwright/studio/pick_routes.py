"""Addresses that send networks to longer training and to the test split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from netwright.studio.commands import as_typed
from netwright.studio.errors import StudioError
from netwright.studio.picks import Pick, pick_words, picked, test_folder, test_words, write_pick
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
    val_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
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
            how = Pick(each.name, form.epochs, images, form.val_fraction)
            planned.append((opened, each, folder.parent, how, pick_words(folder.parent, how)))
        if not form.dry:
            studio.require_work()
            for opened, each, home, how, words in planned:
                write_pick(home, how, opened, each.trial)
                studio.jobs.start(how.name, words)
        return {"commands": [as_typed(words) for *_, words in planned]}

    @router.post("/test")
    def test(form: TestForm) -> dict[str, Any]:
        home = studio.require_home()
        words = test_words(home, run_name(form.name), form.split)
        if not form.dry:
            studio.require_work()
            studio.jobs.start(test_folder(home, form.name).name, words)
        return {"command": as_typed(words)}

    return router
