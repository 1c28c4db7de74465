"""Wire protocols, PURE and sans-IO: one module or package each."""
