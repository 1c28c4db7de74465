"""Faces for people: the ``admin:`` command line, for a terminal, for SSH and for rehearsals.

* :mod:`.texts` -- every text that the command line prints, with its source; unconfirmed ones are marked there.
* :mod:`.shell` -- the command tree, its parser, help and completion, and the session that runs a line.
* :mod:`.commands` -- the commands, a table in each module; :mod:`.table` puts the tables together.
* :mod:`.accounts`, :mod:`.logins`, :mod:`.ssh` -- who may log in, and the SSH server with the ``admin:`` prompt.
"""
