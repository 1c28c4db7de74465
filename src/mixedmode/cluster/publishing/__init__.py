"""Signed lists: built, recorded, archived, foreseen, and brought to every node."""
