"""The interpreter of the ``admin:`` command line: it knows no socket and no terminal.

:mod:`.model` says what a command is, :mod:`.tree` finds one in a line and helps and completes, :mod:`.session` runs a
line for an account on a node, :mod:`.talk` is how it writes and asks.
"""
