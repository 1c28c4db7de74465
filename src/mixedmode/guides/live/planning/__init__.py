"""What is known before a run on a cluster from outside.

* :mod:`.plan` -- what must be so; :mod:`.foresight` -- what phones would do; :mod:`.lists_to_be` -- by which lists.
"""
