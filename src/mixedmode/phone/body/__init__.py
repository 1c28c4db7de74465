"""The phone on a network: sockets, its flash, its registration, its certificates."""
