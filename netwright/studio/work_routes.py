"""Addresses that refine a space, start and stop programs, and tell of refinements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, Field

from netwright.analysis.policy import DEFAULT
from netwright.space import space_names
from netwright.stats import trials_for
from netwright.studio.candidates import Change, candidate_space, evidence, proposal, why_empty
from netwright.studio.commands import as_typed, shown_path
from netwright.studio.entries import DROPPED
from netwright.studio.errors import StudioError
from netwright.studio.jobs import aside
from netwright.studio.lineage import SPACE, tree, tree_commands, tree_table, tree_yaml, verdict, write_refinement
from netwright.studio.steering import control_command, is_running, now, steer
from netwright.studio.sweep_commands import recorded_words, run_name, sweep_words, with_options, without, words_for
from netwright.studio.tree_report import tree_report
from netwright.sweeps.pausing import PAUSED

if TYPE_CHECKING:
    from netwright.studio.populations import Opened
    from netwright.studio.state import Studio

__all__ = ["work_routes"]

_MOST_TRIALS = 1_000_000
Options = dict[str, str | int | float | None]


class CandidateForm(BaseModel):
    """A change of the space of a population."""

    p: str
    ranges: dict[str, tuple[float, float]] = Field(default_factory=dict, max_length=200)
    tie: list[str] = Field(default_factory=list, max_length=50)
    order: dict[str, Literal["non_decreasing", "non_increasing"]] = Field(default_factory=dict, max_length=50)
    linear: bool = False

    def change(self) -> Change:
        """As a value."""
        return Change(self.ranges, tuple(self.tie), dict(self.order), self.linear)


class ConfirmForm(CandidateForm):
    """A fresh sample of a candidate; dry: only the command is wanted."""

    name: str
    trials: Annotated[int, Field(ge=2, le=_MOST_TRIALS)]
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    options: Options = Field(default_factory=dict)
    dry: bool = True


class SweepForm(BaseModel):
    """A sweep of any space."""

    name: str
    space: str
    options: Options = Field(default_factory=dict)
    dry: bool = True


class ExtendForm(BaseModel):
    """More trials of a population, or the rest of those that wait."""

    p: str
    trials: Annotated[int, Field(ge=1, le=_MOST_TRIALS)] | None = None
    retry_failed: bool = False
    dry: bool = True


class JoinForm(BaseModel):
    """A shared sweep that this machine takes part in."""

    p: str
    dry: bool = True


class JobForm(BaseModel):
    """What is wanted of a program."""

    id: str
    wish: Literal["pause", "run", "stop"]


def work_routes(studio: Studio) -> APIRouter:
    """The addresses, for `FastAPI.include_router`."""
    router = APIRouter(prefix="/api")

    @router.post("/candidate")
    def candidate(form: CandidateForm) -> dict[str, Any]:
        return evidence(studio.populations.open(form.p), form.change())

    @router.get("/proposal")
    def proposed(p: str, policy: str = DEFAULT) -> dict[str, Any]:
        return proposal(studio.populations.open(p), policy)

    @router.get("/trials_for")
    def how_many(difference: float, spread: float, power: float = 0.8) -> dict[str, int]:
        return {"trials": trials_for(abs(difference), spread, power)}

    @router.get("/spaces")
    def spaces() -> dict[str, list[str]]:
        return {"spaces": list(space_names())}

    @router.get("/tree")
    def refinements() -> dict[str, Any]:
        return {"nodes": tree(studio.populations)}

    @router.get("/verdict")
    def judged(p: str) -> dict[str, Any]:
        return verdict(studio.populations, p)

    @router.get("/tree.yaml")
    def as_yaml() -> Response:
        return _file(tree_yaml(studio.populations), "application/yaml", "refinements.yaml")

    @router.get("/tree.sh")
    def as_script() -> Response:
        return _file(tree_commands(studio.populations), "text/x-shellscript", "refinements.sh")

    @router.get("/tree.html")
    def as_report() -> Response:
        return _file(tree_report(studio.populations), "text/html", "refinements.html")

    @router.get("/tree.csv")
    def as_table() -> Response:
        return _file(tree_table(studio.populations), "text/csv", "refinements.csv")

    @router.get("/log")
    def log(p: str) -> dict[str, str]:
        return {"log": studio.jobs.log(p)}

    _add_starts(router, studio)
    return router


def _add_starts(router: APIRouter, studio: Studio) -> None:
    """The addresses that start and stop programs."""

    @router.post("/confirm")
    def confirm(form: ConfirmForm) -> dict[str, Any]:
        parent, name = studio.populations.open(form.p), run_name(form.name)
        folder = studio.new_folder(name)
        options = {**form.options, "trials": form.trials, "seed": form.seed}
        words = with_options(words_for(parent, folder / SPACE, folder), options)
        if form.dry:
            problem = why_empty(candidate_space(parent, form.change(), name))
            return {"command": as_typed(words), "taken_over": bool(recorded_words(parent)), "problem": problem}
        studio.require_work()
        found = evidence(parent, form.change())
        write_refinement(folder, parent, form.change(), name, found, form.trials)
        return _started(studio, name, words)

    @router.post("/sweep")
    def sweep(form: SweepForm) -> dict[str, Any]:
        name = run_name(form.name)
        words = sweep_words(form.space, studio.new_folder(name), form.options)
        return {"command": as_typed(words)} if form.dry else _started(studio, name, words)

    _add_controls(router, studio)


def _add_controls(router: APIRouter, studio: Studio) -> None:
    """The addresses for a sweep that is there already, whoever started it."""

    @router.post("/extend")
    def extend(form: ExtendForm) -> dict[str, Any]:
        opened = studio.populations.open(form.p)
        words = _words_again(studio, opened, form)
        told = now(opened.entry)
        lines = [as_typed(words)]
        if told["told"] == PAUSED and not is_running(told):
            lines.insert(0, control_command(opened.entry, "run"))  # or it would wait at once
        if form.dry:
            return {"command": "\n".join(lines), "adds": is_running(told)}
        studio.require_work()
        if len(lines) > 1:
            steer(opened.entry, "run")
        # a sweep that runs trains what a second program adds
        return _started(studio, aside(form.p) if is_running(told) else form.p, words)

    @router.post("/join")
    def join(form: JoinForm) -> dict[str, Any]:
        entry = studio.entries.get(form.p, "population")
        words = ["netwright", "sweep", "--join", shown_path(entry.folder)]
        return {"command": as_typed(words)} if form.dry else _started(studio, form.p, words)

    @router.post("/job")
    def job(form: JobForm) -> dict[str, Any]:
        studio.require_work()
        entry = studio.entries.all().get(form.id)
        runs_here = studio.jobs.is_running(form.id)
        if entry is None or entry.kind != "population":
            studio.jobs.signal(form.id, form.wish)
            return {"id": form.id, "wish": form.wish}
        if not runs_here and not is_running(now(entry)):
            raise StudioError(409, f"{form.id} does not run now.")
        if runs_here and form.wish != "pause":
            studio.jobs.signal(form.id, form.wish)  # also before it listens to anything else
        is_done = runs_here and form.wish == "stop"
        command = control_command(entry, form.wish) if is_done else steer(entry, form.wish)
        return {"id": form.id, "wish": form.wish, "command": command}


def _words_again(studio: Studio, opened: Opened, form: ExtendForm) -> list[str]:
    """The command of a population, with more trials, for where it is now; wherever it was trained before.

    Raises:
        StudioError: It records none, or has as many trials already.
    """
    words = list(studio.jobs.words(form.p))
    if words[:3] in ([], ["netwright", "sweep", "--join"]):
        words = recorded_words(opened)
    if words[:2] != ["netwright", "sweep"] or opened.entry.id.startswith(DROPPED):
        raise StudioError(
            409, f"{form.p} does not record the command of a sweep, so it is continued where it was started."
        )
    words = [*without(words, "out"), "--out", shown_path(opened.entry.folder)]
    if form.trials is not None:
        if form.trials < len(opened.view.trials):
            raise StudioError(422, f"{form.p} has {len(opened.view.trials):,} trials already. Give more.")
        words = with_options(words, {"trials": form.trials})
    return [*without(words, "retry_failed"), "--retry_failed"] if form.retry_failed else words


def _started(studio: Studio, id: str, words: list[str]) -> dict[str, Any]:
    studio.require_work()
    job = studio.jobs.start(id, words)
    return {"id": job.id, "command": as_typed(job.words), "started": True}


def _file(text: str, kind: str, name: str) -> Response:
    return Response(text, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})
