"""The HTTP file service: phones' files over 6970 and 6971."""
