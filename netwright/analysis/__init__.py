"""From a trained population to what it shows, and to a narrower space."""
