"""A command on a terminal: what it prints and asks, Ctrl-C, a pipe that closes."""
