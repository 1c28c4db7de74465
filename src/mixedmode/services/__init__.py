"""Shells on sockets: what phones and nodes talk to. Each service starts, drains, stops, and tells its health.

Services know the cluster only through :class:`mixedmode.cluster.reader.ClusterReader`.
"""
