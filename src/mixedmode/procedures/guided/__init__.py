"""A guided run of a procedure as a value and a pure machine.

* :mod:`.run` -- how far a run is; :mod:`.events` -- what happens to it; :mod:`.machine` -- what comes of that.
* :mod:`.document` -- a run as JSON, for whoever keeps it.
"""
