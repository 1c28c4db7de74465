"""Commands that say what is wrong with a live cluster."""
