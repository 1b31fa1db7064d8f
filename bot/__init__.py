"""Knows conversations: intake, turns, answers, handoffs, delivery."""
