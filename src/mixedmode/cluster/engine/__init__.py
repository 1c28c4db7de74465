"""Operations are run here: the lock, the journal, steps, and what is left after a crash."""
