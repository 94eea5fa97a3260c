"""Models: found in folders, opened, exchanged while the server answers, and asked in batches."""
