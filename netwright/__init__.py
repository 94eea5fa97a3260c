"""Netwright designs network design spaces: sample, train, compare, refine, and pick a network with the evidence why.

    space = netwright.load_space("regnetx").refine(depth=(12, 28), flops=(360e6, 400e6))
    batch = netwright.sample(space, 500, seed=0)
    cost = netwright.complexity(batch)            # .flops .params .acts
    module = netwright.build(batch[0], num_classes=10)
    lower, upper = netwright.stats.band(errors).at(grid)
    netwright.Population.open("runs/x").frame()

The commands are functions too: `design`, `sweep`, `plan`, `refine`, `scale`, `figures`, `fidelity`, `train`,
`validate`, `predict`, `export`, `serve`, `latency`.

Names are imported when they are first used: `import netwright` is quick, and torch is imported only by what trains.
"""

import importlib
from typing import TYPE_CHECKING, Any

from netwright.version import __version__

if TYPE_CHECKING:
    from netwright import stats
    from netwright.analysis.fidelity import fidelity
    from netwright.analysis.figures import figures
    from netwright.analysis.importing import import_population
    from netwright.analysis.planning import plan
    from netwright.analysis.proposal import refine
    from netwright.arch import Arch, ArchBatch, Stage, Stem, complexity, published, regnet, scale, scale_family
    from netwright.curation import check_data, prepare_data
    from netwright.curation.measuring import bench_data
    from netwright.curation.showing import show_data
    from netwright.data import Preprocessing, load_images
    from netwright.evaluation import predict, validate
    from netwright.exports import export
    from netwright.nn import FeatureExtractor, build, freeze, fuse, linear_probe
    from netwright.population import Population, merge
    from netwright.runtime import open_runtime
    from netwright.serving import serve
    from netwright.space import DesignSpace, load_space, sample, space_names
    from netwright.studies import study
    from netwright.studio import open_studio
    from netwright.sweeps import join_sweep
    from netwright.timing import latency
    from netwright.training.run import train
    from netwright.weights import (
        LoadedModel,
        create_model,
        list_models,
        load_model,
        load_weights,
        push_to_hub,
        save_ckpt,
        save_model,
        save_timm,
    )
    from netwright.weights.convert import convert
    from netwright.workflow import design, sweep

__all__ = [
    "Arch",
    "ArchBatch",
    "DesignSpace",
    "FeatureExtractor",
    "LoadedModel",
    "Population",
    "Preprocessing",
    "Stage",
    "Stem",
    "__version__",
    "bench_data",
    "build",
    "check_data",
    "complexity",
    "convert",
    "create_model",
    "design",
    "export",
    "fidelity",
    "figures",
    "freeze",
    "fuse",
    "import_population",
    "join_sweep",
    "latency",
    "linear_probe",
    "list_models",
    "load_images",
    "load_model",
    "load_space",
    "load_weights",
    "merge",
    "open_runtime",
    "open_studio",
    "plan",
    "predict",
    "prepare_data",
    "published",
    "push_to_hub",
    "refine",
    "regnet",
    "sample",
    "save_ckpt",
    "save_model",
    "save_timm",
    "scale",
    "scale_family",
    "serve",
    "show_data",
    "space_names",
    "stats",
    "study",
    "sweep",
    "train",
    "validate",
]

# module -> the public names that it has
_HOMES = {
    "analysis.planning": ("plan",),
    "analysis.figures": ("figures",),
    "analysis.importing": ("import_population",),
    "analysis.fidelity": ("fidelity",),
    "analysis.proposal": ("refine",),
    "arch": ("Arch", "ArchBatch", "Stage", "Stem", "complexity", "published", "regnet", "scale", "scale_family"),
    "curation": ("check_data", "prepare_data"),
    "curation.measuring": ("bench_data",),
    "curation.showing": ("show_data",),
    "data": ("Preprocessing", "load_images"),
    "evaluation": ("predict", "validate"),
    "exports": ("export",),
    "nn": ("FeatureExtractor", "build", "freeze", "fuse", "linear_probe"),
    "population": ("Population", "merge"),
    "runtime": ("open_runtime",),
    "serving": ("serve",),
    "space": ("DesignSpace", "load_space", "sample", "space_names"),
    "studies": ("study",),
    "studio": ("open_studio",),
    "sweeps": ("join_sweep",),
    "timing": ("latency",),
    "training.run": ("train",),
    "weights": (
        *("LoadedModel", "create_model", "list_models", "load_model", "load_weights", "push_to_hub"),
        *("save_ckpt", "save_model", "save_timm"),
    ),
    "weights.convert": ("convert",),
    "workflow": ("design", "sweep"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"netwright.{_HOME[name]}"), name)
    if name == "stats":
        return importlib.import_module("netwright.stats")
    raise AttributeError(f"module 'netwright' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
