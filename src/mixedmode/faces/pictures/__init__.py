"""Pictures of a fleet as SVG text. Pure: numbers go in, markup comes out; every name in it is escaped.

* :mod:`.looks` -- how each outcome looks: its word, class, icon and hatch, and the sprite that holds icons and hatches.
* ``tokens.css`` -- the colours and sizes of every page with pictures: of the administration's, and of reports.
* :mod:`.flow` -- how many phones pass from one outcome to another, step by step.
"""
