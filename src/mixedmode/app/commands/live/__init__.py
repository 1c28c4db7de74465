"""Commands that look at a live cluster."""
