"""The CTL Provider: hands the cluster to CTL Clients and takes signed lists."""
