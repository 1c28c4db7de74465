"""An embedded cluster with phones, in one process on loopback."""
