"""Telegram as a channel. Only a program that has a bot's token imports what is in here: aiogram takes its time."""
