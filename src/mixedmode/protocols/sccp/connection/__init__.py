"""Frames of SCCP: where one ends and the next begins."""
