"""The rules, by what they look at. Each is a function from a scene to findings and gaps; none does anything else."""
