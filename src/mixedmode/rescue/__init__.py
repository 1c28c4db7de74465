"""Rescue: wrong trust lists on phones erased by the phones' own keys, with proof (docs/specification/rescue.md).

It writes, so it stands apart from everything that reads: nothing but ``mixedmode rescue`` comes here. All that decides
is pure and takes the time as an argument: the catalogue of key sequences, who is ready, the plan, one phone's walk and
proof as generators, and the order of the phones with what stops them. Files and sockets are :mod:`.files` and
:mod:`.hands`, and :mod:`.runner` brings both together.
"""
