"""Ratios against peers, measured in one run; ``mixedmode bench NAME`` runs ``bench/NAME.py``."""
