"""Operations on a node's own certificates: requested, imported, made anew."""
