"""Whom a command talks to: a node or a lab, a CTL Provider, a file wherever it is, tokens."""
