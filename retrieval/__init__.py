"""Knows documents: parsing, chunking, storing, searching. Knows no conversation."""
