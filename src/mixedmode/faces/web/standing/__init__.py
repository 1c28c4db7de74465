"""How every phone of the cluster stands now: which of the six outcomes, why, and what to do about it.

* :mod:`.world` -- what phones are offered, and who answers them; each kind of phone is judged once in it.
* :mod:`.words` -- reason and next step of a kind, for people.
* :mod:`.rows` -- the table of phones that pages sort, filter and page through.
* :mod:`.standing` -- keeps that table up to date.
"""
