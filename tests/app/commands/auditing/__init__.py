"""Tests of the commands that look at a live cluster."""
