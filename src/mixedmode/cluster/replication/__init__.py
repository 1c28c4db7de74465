"""Each node's copy of the database, by PostgreSQL's own logical replication."""
