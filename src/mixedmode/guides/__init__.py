"""Guided runs on a live cluster: the definitions of :mod:`mixedmode.procedures` gone through with a person.

* :mod:`.guide` -- plans, begins, goes on with, stops and takes back a run, whoever asks and from where.
* :mod:`.walk` -- with somebody at a terminal; :mod:`.watching` -- when nobody looks; :mod:`.words` -- what people read.
* :mod:`.hands` -- does what steps say; :mod:`.observer` -- sees what they ask; :mod:`.outlooks`, :mod:`.foresight` --
  what every phone would do; :mod:`.plugged` -- the security tokens of this host.
"""
