"""Slack as the place where a company's staff work. Only a program that has a token imports what is in here."""
