"""Fakes that speak the real wire."""
