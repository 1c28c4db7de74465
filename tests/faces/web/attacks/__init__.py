"""What strangers and people try at the pages."""
