"""Processes: the one that serves, and the supervisor that restarts several of them."""
