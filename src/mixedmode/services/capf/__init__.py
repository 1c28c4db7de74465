"""CAPF: phones get their certificates here."""
