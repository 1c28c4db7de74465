"""Reports as single HTML pages: no script, no file beside them, for screens, paper, light and dark.

* :mod:`.page` -- the frame of such a page, its style sheets and its policy against anything from outside.
* :mod:`.forecast` -- the report of a forecast.
"""
