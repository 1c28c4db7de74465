"""What becomes of a phone that holds these lists when it is offered those (forecast.md 2 and 5).

The rules of the phone are those of :mod:`mixedmode.phone.mind.trust.policy`; here is what they come to, restart by
restart, without a network:

1. A restart offers the CTL, then the ITL, then a configuration signed by the first TFTP record of the list that was
   published last, each to the phone's own policy. Then the phone registers in its security mode with the CallManager
   that the published CTL names first. What is not published is a 404, and registration goes on as before.
2. A phone can ask only a TVS server whose certificate is a TVS record of the ITL that it holds at that moment, and that
   its configuration names: that of a cluster names whom its ITL names. So a phone that has the ITL of one cluster and
   the configuration of another, which have no TVS host in common, asks nobody (phone-trust.md 2.1 and 3.2). An
   inventory may tell which hosts its configuration names (:mod:`.hosts`).
3. ``locked-out``: it cannot register. Else ``follows``: it took all that it was offered; ``follows-by-tvs``: it would
   not have, had TVS been silent all along. Else ``behind``: something from afar brings the rest in (rule 4). Else
   ``frozen``.
4. From afar one can start the phone once more, have a TVS server that can be reached vouch for anything, make a damaged
   or too large list whole, and have a list signed again by a certificate that stands as SAST both in it and in what
   the phone holds.
5. ``unknown``: what the phone holds is not known, or a question decides that nobody has answered: a setting of the
   policy, or what the model can do.
6. A phone that was not restarted at the end is what its next restart makes of it, and ``behind`` at best; one that is
   on, and not off, registers meanwhile by what it holds.

* :mod:`.offers` -- what servers have; :mod:`.hosts` -- who they are; :mod:`.restart` -- one restart; :mod:`.afar` --
  rule 4; :mod:`.prospect` -- the six words; :mod:`.observed` -- the same words of boots that were.
"""
