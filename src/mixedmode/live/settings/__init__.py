"""What a live cluster and its phones are set to, and what TVS vouches for: by AXL alone."""
