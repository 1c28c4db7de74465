"""Both ends of a registration, without sockets."""
