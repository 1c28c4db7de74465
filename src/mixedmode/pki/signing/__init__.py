"""Who signs, and the digests of the wire formats."""
