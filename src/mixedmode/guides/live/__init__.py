"""Guided runs on a cluster from outside: a CUCM, or ours, over SSH and its file service.

* :mod:`.seeing` -- what is so; :mod:`.planning` -- what is known before a run.
* :mod:`.sessions` -- types; :mod:`.transcript` -- writes down what was typed and said.
* :mod:`.kept`, :mod:`.book` -- a run in a file, so that it goes on after whatever cut it off.
* :mod:`.doing` -- has a step done and judges its end; :mod:`.follow`, :mod:`.following` -- what phones do then.
* :mod:`.walk` -- all of it, with a person who says yes; :mod:`.words` -- what he reads.
"""
