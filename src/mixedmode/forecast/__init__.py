"""Foresee what every phone will do, before anybody acts (forecast.md). Pure: no file, clock, socket or database.

A forecast runs the phone's own rules (:mod:`mixedmode.phone.mind.fate`) over what phones hold and what servers would
offer; nothing here adds a rule.

* :mod:`.plan` -- the change: steps, what TVS says, who is off; what is known of a phone is a
  :mod:`mixedmode.inventory.kinds`.
* :mod:`.evaluation` -- the outcome of one kind of phone, :mod:`.remedies` -- what would help it, :mod:`.planning` --
  the search for a plan, :mod:`.proposal` -- the best one for a fleet.
* :mod:`.tally` -- numbers and groups of a fleet, :mod:`.document` -- the same as JSON.
"""
