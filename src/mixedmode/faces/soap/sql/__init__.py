"""Queries as tools for CUCM write them: Informix's words and CUCM's tables, over the engine of ``run sql``."""
