"""What a rescue sends over the network, and to whom its control user's password may go."""
