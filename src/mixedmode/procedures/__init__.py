"""Each procedure once, as data: who does what, what must be so before and after, what each kind of phone does.

PURE: no socket, clock, database or file, and no import of other rooms. A rehearsal plays a definition on a lab,
``docs/how-to/`` prints it, and nothing in it knows of either: a guided run can go through it with a person.

* :mod:`.facts` -- what can be seen of a cluster and its phones; :mod:`.reading` -- from what commands print.
* :mod:`.checks` -- statements over facts; :mod:`.steps` -- acts, and who does them where.
* :mod:`.phones` -- kinds of phones, how each ends, remedies; :mod:`.definition` -- a procedure.
* :mod:`.tokenless`, :mod:`.etokens` -- the procedures; :mod:`.catalogue` -- all by name; :mod:`.names` -- names alone.
* :mod:`.page`, :mod:`.transcript` -- a procedure as a page of the how-to.
"""
