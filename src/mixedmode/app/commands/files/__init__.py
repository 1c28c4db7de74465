"""Commands about files: trust lists, signed configurations, TFTP, the table of models."""
