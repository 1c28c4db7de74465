"""Who signs a trust list, and which certificates stand in it."""
