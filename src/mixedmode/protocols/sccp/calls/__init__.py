"""The messages of calls and media, from protocol version 3 to 22 (calls-and-media.md 2 to 7).

Each message is a frozen dataclass with a table of its fields; :mod:`.layout` reads and writes by that table, the agreed
version and the length.
"""
