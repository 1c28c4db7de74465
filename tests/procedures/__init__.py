"""The seed's procedures, played on a lab as a user plays them."""
