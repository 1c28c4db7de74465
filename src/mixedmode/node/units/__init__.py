"""The services of a node as units: which there are, how they run, and those that phones ask most."""
