"""Signed lists: built, recorded, brought to every node, and put right where they are torn."""
