"""The messages of SCCP and their layouts by version."""
