"""The allow-list: what a tool that only reads may send (docs/specification/live-cluster.md 0.3). Pure.

Everything that goes to a cluster or to a phone passes :mod:`mixedmode.live.allowed.requests` on its way to the socket,
as the bytes that would be sent; what is not on the list is not sent.
"""
