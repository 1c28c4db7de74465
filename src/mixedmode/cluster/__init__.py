"""The publisher's mind: nodes, parameters, certificates, the CTL and ITL authority, and audited operations.

Start at :mod:`.facade` (``Cluster.create``, ``Cluster.open``). Services read through :mod:`.reader` only.

* :mod:`.schema`, :mod:`.database`, :mod:`.query` -- what is stored and how; :mod:`.folders` -- files of a node.
* :mod:`.versions`, :mod:`.parameters`, :mod:`.topology` -- the vocabulary of versions, parameters and services.
* :mod:`.certificates`, :mod:`.authority` -- certificate stores; who signs a trust list and what is in it.
* :mod:`.lock`, :mod:`.journal`, :mod:`.engine` -- operations: planned, journaled, audited, resumed or undone.
* :mod:`.operations` -- the operations themselves; :mod:`.distribution` -- files to every node.
"""
