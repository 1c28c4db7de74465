"""Cisco Unified CM Administration: enterprise parameters, device pools, groups, profiles, and each phone as a device.

How a phone stands with its lists is shown by :mod:`mixedmode.faces.web.pages.phones`; here is what administrators set.
"""
