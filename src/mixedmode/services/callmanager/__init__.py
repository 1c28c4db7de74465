"""CallManager, as far as phones' trust is concerned: registration by SCCP, plain and by TLS."""
