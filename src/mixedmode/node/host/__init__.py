"""What a node needs of its host: settings, logs and their limits, systemd."""
