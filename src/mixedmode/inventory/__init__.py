"""Phones and what they hold, from files of any length (forecast.md 1).

* :mod:`.reading` -- CSV, JSON and NDJSON, compressed or not, a row at a time; :mod:`.sources` -- what kind a file is.
* :mod:`.cells` -- what the cells of a row say; :mod:`.library` -- lists by hash; :mod:`.kinds` -- what is known of a
  phone.
"""
