"""The commands of the ``admin:`` command line; each module ends in the rows of its table."""
