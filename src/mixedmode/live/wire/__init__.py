"""How a live cluster is spoken to: HTTP with and without TLS, TFTP, time. Every request passes the allow-list."""
