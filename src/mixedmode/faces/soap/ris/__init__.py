"""RIS for reading."""
