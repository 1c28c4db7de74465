"""What is to be seen of a cluster from outside.

* :mod:`.listing`, :mod:`.situation` -- PURE: a ``show ctl``, and all that was seen at one moment, as facts.
* :mod:`.effects` -- PURE: what a command must have changed; :mod:`.looking` -- looks.
"""
