"""The CTL Client: signs the cluster's CTL with security tokens and hands it to the CTL Provider."""
