"""Keys, certificates and their purposes, names as they are printed, and signers.

The room above :mod:`mixedmode.errors`: everything else may use it, it uses nothing else. Only
:mod:`~mixedmode.pki.files` and :mod:`~mixedmode.pki.certificates.load` touch the disk; time, serials and passwords
come in as arguments.
"""
