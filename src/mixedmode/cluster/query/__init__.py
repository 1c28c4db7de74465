"""``run sql``: reading the tables by hand, held read-only by the database itself."""
