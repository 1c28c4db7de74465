"""Certificates: read, made, requested, and what each purpose asks for."""
