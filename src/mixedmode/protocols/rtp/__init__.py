"""RTP without sockets: packets (RFC 3550), G.711, tones that can be told apart, what is sent and what is heard."""
