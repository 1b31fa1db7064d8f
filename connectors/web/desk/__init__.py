"""The desk: where staff answer customers in a browser."""
