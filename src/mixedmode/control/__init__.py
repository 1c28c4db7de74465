"""Who may administer: accounts, logins and their limits."""
