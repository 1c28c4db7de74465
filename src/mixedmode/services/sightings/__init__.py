"""What services see of the cluster's phones, on its way into the database."""
