"""A live cluster seen from outside: who its nodes are, what may be asked of them, and what was seen, when and by what.

Nothing here changes a cluster but :mod:`mixedmode.live.shell`, which types what a person said yes to. The room is made
of the reading parts alone (the standard library, cryptography), so that it works wherever they do.
"""
