"""A node's ``admin:`` prompt over SSH, from the side of whoever types there.

* :mod:`.lines` -- PURE: what a terminal shows; :mod:`.questions` -- PURE: what may be answered.
* :mod:`.prompt` -- PURE: the machine; :mod:`.session` -- the shell around it, on asyncssh.
"""
