"""What is kept: tables, certificates and keys, devices, the folders of each node."""
