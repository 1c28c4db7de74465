"""When certificates end, what that does to phones, and when and in which order to renew them. Pure."""
