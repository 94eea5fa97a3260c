"""Training recipes as values. No torch."""

from netwright.recipe.drawn import DRAWABLE, drawn_recipe
from netwright.recipe.load import LoadedRecipe, load_training, training_options, training_to_yaml
from netwright.recipe.schedule import learning_rate
from netwright.recipe.schema import AUTO, PRECISIONS, Recipe
from netwright.recipe.training import (
    Augmentation,
    Checkpoints,
    DataConfig,
    Loss,
    Network,
    Optimization,
    Precision,
    RuntimeConfig,
    Schedule,
    TrainConfig,
)

__all__ = [
    "AUTO",
    "DRAWABLE",
    "PRECISIONS",
    "Augmentation",
    "Checkpoints",
    "DataConfig",
    "LoadedRecipe",
    "Loss",
    "Network",
    "Optimization",
    "Precision",
    "Recipe",
    "RuntimeConfig",
    "Schedule",
    "TrainConfig",
    "drawn_recipe",
    "learning_rate",
    "load_training",
    "training_options",
    "training_to_yaml",
]
