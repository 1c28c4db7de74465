"""The REST API: ``/api/v1/``, its description ``/api/openapi.json`` and a page of it, ``/api/docs``.

* :mod:`.endpoint` -- what an endpoint is: one value that routes, checks, answers and describes itself.
* :mod:`.resources` -- the endpoints, a module for each resource.
* :mod:`.server` -- what all of them have: who asks, limits, forms of bodies and answers, conditions, repeats.
* :mod:`.openapi` -- the description, made of the same values.
"""
