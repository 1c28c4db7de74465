"""The phone: what it trusts, how it starts, what it shows.

:mod:`.mind` is pure, for the phone, the fleet and the forecast alike:

* :mod:`.mind.models` -- what each model can do; :mod:`.mind.config` -- what a phone's configuration says.
* :mod:`.mind.trust.policy` -- the trust rules, :mod:`.mind.trust.settings` -- what the record leaves open,
  :mod:`.mind.trust.asking` -- whom a phone may ask, :mod:`.mind.trust.state` -- what it holds.
* :mod:`.mind.boot` -- a start, sans-IO: which file by which transport (:mod:`.mind.transports`), and in the end the
  :mod:`.mind.outcome`; :mod:`.mind.alarms`, :mod:`.mind.console`, :mod:`.mind.screen` -- its words.
* :mod:`.mind.fate` -- what becomes of a phone that holds these lists when it is offered those.

:mod:`.body` is the shell: :mod:`.body.client` runs a boot in a :mod:`.body.world`, :mod:`.body.download` and
:mod:`.body.http` fetch, :mod:`.body.tvs` asks, :mod:`.body.storage` keeps the state, :mod:`.body.registration` stays
registered.
"""
