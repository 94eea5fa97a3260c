"""The same server as a Ray Serve application."""
