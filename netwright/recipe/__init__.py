"""Training recipes as values. No torch."""

from netwright.recipe.load import Loaded, load_training, training_options, training_to_yaml
from netwright.recipe.schedule import learning_rate
from netwright.recipe.schema import AUTO, PRECISIONS, Recipe
from netwright.recipe.training import (
    Augmentation,
    Checkpoints,
    Images,
    Loss,
    Machine,
    Network,
    Optimization,
    Precision,
    Schedule,
    Training,
)

__all__ = [
    "AUTO",
    "PRECISIONS",
    "Augmentation",
    "Checkpoints",
    "Images",
    "Loaded",
    "Loss",
    "Machine",
    "Network",
    "Optimization",
    "Precision",
    "Recipe",
    "Schedule",
    "Training",
    "learning_rate",
    "load_training",
    "training_options",
    "training_to_yaml",
]
