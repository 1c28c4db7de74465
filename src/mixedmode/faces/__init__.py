"""Faces for people: the ``admin:`` prompt, SSH in front of it, the CTL Client, a terminal."""
