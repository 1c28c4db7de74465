"""A simulated cluster: keys, lists, servers, phones, and the network between them."""
