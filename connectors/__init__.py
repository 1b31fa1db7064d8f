"""The outside: channels, the web pages, the command line, and the composition root."""
