"""Traces: what the services of a node write down for people, in files below its ``activelog``, bounded in size."""
