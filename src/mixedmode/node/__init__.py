"""A node on a host: set up, joined to a cluster, its services watched, its status told."""
