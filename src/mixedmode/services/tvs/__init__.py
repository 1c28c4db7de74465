"""The TVS service: vouches for certificates that phones ask about."""
