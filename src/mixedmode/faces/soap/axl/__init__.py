"""AXL for reading."""
