"""Whether a sentence says what the passages it cites say."""
