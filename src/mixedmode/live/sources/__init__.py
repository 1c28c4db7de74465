"""What a live cluster is asked for: each interface in a module of its own, each answer as values with their source."""
