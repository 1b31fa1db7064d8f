"""The web chat and its HTTP API."""
