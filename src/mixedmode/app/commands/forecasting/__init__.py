"""``mixedmode forecast``: its options, what they are read from, and what is shown."""
