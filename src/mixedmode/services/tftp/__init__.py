"""The TFTP service: the engine on two sockets, its lanes, and its compiled inner loop."""
