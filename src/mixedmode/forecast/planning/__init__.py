"""Changed plans: what may be changed, what might help, the search for the best, and the proof that nothing helps.

* :mod:`.drafts` -- changes as values, and the plan that they make; :mod:`.signing` -- a list signed by another;
  :mod:`.wording` -- the same as commands.
* :mod:`.fixes` -- what might help a phone, by what it refuses; :mod:`.search` -- the best draft for a fleet.
* :mod:`.proof` -- why no plan saves a phone.
"""
