"""mixedmode: the open trust plane for Cisco IP phones.

The rooms, from the ground up (imports point downwards only):

* :mod:`mixedmode.errors` -- one tree of errors, each with what, where, why and the next step.
* :mod:`mixedmode.pki` -- keys, certificates and their purposes, signers.
* :mod:`mixedmode.trustlist`, :mod:`mixedmode.protocols`, :mod:`mixedmode.signedfile` -- pure codecs and rules.
* :mod:`mixedmode.phone`, :mod:`mixedmode.cluster` -- the two minds: a phone's and the publisher's.
* :mod:`mixedmode.services` -- what listens on sockets, a wing for each.
* :mod:`mixedmode.control` -- who may administer.
* :mod:`mixedmode.faces`, :mod:`mixedmode.fleet` -- faces for people, and thousands of phones.
* :mod:`mixedmode.node`, :mod:`mixedmode.rehearsal` -- a node on a host; a lab with phones, and procedures played on it.
* :mod:`mixedmode.app` -- the ``mixedmode`` command.
"""

__version__ = "0.1.0"
