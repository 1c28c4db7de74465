"""Composition: settings, the wiring of a node or a lab, and the ``mixedmode`` command."""
