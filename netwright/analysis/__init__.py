"""From a trained population to what may be said of it, and to a narrower space."""
