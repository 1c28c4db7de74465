"""The phone without sockets, clock or files: models, the order of a boot, its words. PURE."""
