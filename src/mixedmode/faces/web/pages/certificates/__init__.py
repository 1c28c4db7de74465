"""Security > Certificate Management: find, show, upload, generate, have signed, delete.

* :mod:`.listing` -- the list, its filters and its CSV; :mod:`.showing` -- one certificate, with who hangs on it.
* :mod:`.reading` -- what is in a file that somebody uploads, by its content; :mod:`.uploading` -- what is done with it.
* :mod:`.making` -- self-signed certificates and signing requests; :mod:`.deleting` -- out of a trust store.
* :mod:`.uses` -- which lists have a certificate, and which phones hang on it.
"""
