"""What is wrong with a cluster, and what to do about it: facts in, findings out.

* :mod:`.facts` -- what is looked at, as values.
* :mod:`.findings` -- the one pure function from facts to findings; their names are stable.
* :mod:`.looking` -- reads the facts of a cluster from its database and its nodes' folders.
"""
