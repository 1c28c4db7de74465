"""What a rescue changes on a CUCM, written down before and put back behind it (docs/specification/rescue.md 5.11)."""
