"""What pages are made of: questions and answers, tables, forms, events, and how they become HTML."""
