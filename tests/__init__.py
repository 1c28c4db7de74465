"""The tests mirror src/; tests/data holds vectors with their origins."""
