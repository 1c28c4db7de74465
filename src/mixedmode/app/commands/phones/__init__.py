"""Commands that play phones, and the services that one phone talks to."""
