"""PURE. A phone's calls: what its screen shows, what its user does, and which media it is asked for."""
