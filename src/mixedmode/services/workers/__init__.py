"""Services in several processes on one port."""
