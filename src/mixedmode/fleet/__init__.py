"""The fleet: thousands of phones as light state machines on one event loop.

Every phone runs the same boot machine and the same trust policy as the single phone of :mod:`mixedmode.phone`;
only what lies around them is shared:

* :mod:`.phones` -- what a fleet is made of; :mod:`.states`, :mod:`.memory` -- what it holds, kept between runs.
* :mod:`.sockets`, :mod:`.downloads` -- a bounded number of UDP sockets, one epoll, one timer wheel.
* :mod:`.tvs` -- questions to TVS, each phone for itself.
* :mod:`.sharing` -- parsed lists and verdicts, where sharing cannot change an outcome.
* :mod:`.faults` -- loss, duplication, delay, damaged files, silent servers, from a seed.
* :mod:`.fleet` -- runs the boots; :mod:`.outcomes` -- what came of them all; :mod:`.live` -- a terminal's view.
"""
