"""A change goes first to one phone of each kind: which phones, and what is concluded of what they show.

PURE: no socket, clock, database or file; time comes in as an argument.

* :mod:`.choice` -- one phone of each kind; :mod:`.trial` -- what they show, and whether to go on.
"""
