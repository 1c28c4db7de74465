"""What services see of phones."""
