"""One phone: what its pages and answers say, its walk up to the confirm key, and its proof; pure."""
