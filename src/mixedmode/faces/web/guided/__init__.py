"""What the pages of guided runs are made of: what they show, and how steps are carried to their end behind them."""
