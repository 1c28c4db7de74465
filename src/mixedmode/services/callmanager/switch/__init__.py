"""PURE. What a CallManager does with calls: legs, dial plan, forwarding, hold, transfer, media and their keys.

:class:`~mixedmode.services.callmanager.switch.exchange.Exchange` takes what phones say and the time, and returns what
they are told and the records of calls that ended. It opens nothing, waits for nothing, and has its randomness given.
"""
