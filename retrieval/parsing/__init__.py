"""Files of many formats become text with locations."""
