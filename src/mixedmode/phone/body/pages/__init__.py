"""A phone's own web pages and its remote control (docs/specification/live-cluster.md 4, rescue.md 1)."""
