"""When a person is called, what the people who work on a case see, and what they do."""
