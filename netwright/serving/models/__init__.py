"""Models: found in folders, opened, replaced while the server answers, and computed in batches."""
