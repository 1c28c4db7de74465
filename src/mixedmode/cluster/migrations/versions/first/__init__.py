"""The changes before there was an administration in a browser."""
