"""Training recipes as values. No torch."""

from netwright.recipe.schema import AUTO, PRECISIONS, Recipe

__all__ = ["AUTO", "PRECISIONS", "Recipe"]
