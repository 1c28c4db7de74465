"""``mixedmode rescue``: apart from everything that reads, asked for by name."""
