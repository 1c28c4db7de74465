"""mixedmode: the open trust plane for Cisco IP phones.

The rooms, from the ground up (imports point downwards only):

* :mod:`mixedmode.errors` -- one tree of errors, each with what, where, why and the next step.
* :mod:`mixedmode.pki` -- keys, certificates and their purposes, signers.
* :mod:`mixedmode.trustlist`, :mod:`mixedmode.protocols`, :mod:`mixedmode.signedfile` -- pure codecs and rules.
* :mod:`mixedmode.phone`, :mod:`mixedmode.cluster` -- the two minds: a phone's and the publisher's.
* :mod:`mixedmode.services` -- what listens on sockets.
* :mod:`mixedmode.admin`, :mod:`mixedmode.fleet`, :mod:`mixedmode.forecast`, :mod:`mixedmode.audit` -- faces and tools.
* :mod:`mixedmode.app` -- composition and the ``mixedmode`` command.
"""

__version__ = "0.1.0"
