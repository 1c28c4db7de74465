"""SSH servers of a node: keys, algorithms, SFTP, and distribution over it."""
