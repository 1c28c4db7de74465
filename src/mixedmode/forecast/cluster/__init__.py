"""Forecasts of a cluster's own operations: :mod:`.outlooks` makes steps of what they would publish."""
