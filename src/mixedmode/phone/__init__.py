"""The phone: what it trusts, how it starts, what it shows.

Pure core, for the phone, the fleet and the forecast alike:

* :mod:`.models` -- what each model can do; :mod:`.settings` -- what the record leaves open.
* :mod:`.policy` -- the trust rules; :mod:`.decisions`, :mod:`.evidence`, :mod:`.lookup` -- its words and tools.
* :mod:`.state` -- what a phone holds; :mod:`.config` -- what its configuration says; :mod:`.alarms` -- what a
  boot amounts to; :mod:`.boot` -- the order of files, sans-IO; :mod:`.console`, :mod:`.screen` -- its words.

Shell: :mod:`.client` runs a boot, :mod:`.download` and :mod:`.http` fetch, :mod:`.storage` keeps the state.
"""
