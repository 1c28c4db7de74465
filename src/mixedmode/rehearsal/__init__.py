"""Procedures played on a lab: the stage, what is typed, what must hold, the report."""
