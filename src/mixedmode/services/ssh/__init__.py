"""SSH servers of a node: keys, algorithms, SFTP, and distribution over it."""

from mixedmode.services.ssh import lean_asyncssh as _lean_asyncssh  # noqa: F401 - before anybody loads it whole
