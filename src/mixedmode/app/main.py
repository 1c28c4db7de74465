"""The ``mixedmode`` command."""


def main() -> None:
    """Run the command line."""
