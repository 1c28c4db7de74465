"""What is wrong with a live cluster, by what was seen of it from outside: an observation in, findings out.

Pure, and made of the reading parts alone, so that ``mixedmode audit`` works wherever a list can be read.

* :mod:`.finding` -- what a rule says: it holds, it does not, or there is no evidence.
* :mod:`.scene` -- an observation with its lists and certificates read, and the questions that rules ask of it.
* :mod:`.rules` -- the rules by what they look at; :mod:`.table` -- all of them, with their names and effects.
* :mod:`.judging` -- every rule over one observation.
* :mod:`.document` -- a judgement as JSON and back; :mod:`.comparing` -- two of them: new, gone, unchanged.
"""
