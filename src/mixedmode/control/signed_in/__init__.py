"""What belongs to who is signed in at the pages or asks the REST API: sessions, tokens of programs, kept filters."""
