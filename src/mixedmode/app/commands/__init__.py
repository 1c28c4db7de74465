"""One module a group of commands; each is a thin layer over the public API of the rooms below.

A command module imports only typer and the standard library at its top: what a command needs is imported
inside it, so that ``mixedmode show`` does not pay for the SSH server.
"""
