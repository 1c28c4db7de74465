"""Seeds against the forecast: phones, servers and a network in memory, on a virtual clock (forecast.md 4).

A seed makes a cluster, a fleet, a network and a plan of changes. Phones run their boot machines, servers their protocol
machines; what the forecast said before is compared with what each phone then did.
"""
