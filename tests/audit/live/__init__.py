"""Tests of what is found in a live cluster."""
