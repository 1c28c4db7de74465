"""The vocabulary of a cluster: nodes, versions, parameters, licences, roles."""
