"""Wire protocols, PURE and sans-IO: a package each, all in the words of :mod:`mixedmode.protocols.vocabulary`."""
