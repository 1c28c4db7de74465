"""A phone's calls with sockets: the telephone, and where its media come from."""
