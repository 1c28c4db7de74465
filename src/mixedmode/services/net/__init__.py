"""What services share: doors, TLS, deadlines, limits, supervision."""
