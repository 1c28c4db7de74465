"""The audit again and again: what is told, to whom, and what is remembered from one look to the next.

* :mod:`.news` -- PURE. What a look has to say beside the one before, and in which words.
* :mod:`.metrics` -- PURE. A judgement for Prometheus.
* :mod:`.state` -- the file that remembers.
* :mod:`.webhook`, :mod:`.mail` -- who is told.
* :mod:`.watch` -- the loop.
"""
