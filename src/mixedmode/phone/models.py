"""The table of models by its old name, which scripts of others import; new ones take :mod:`mixedmode.api`."""

from mixedmode.phone.mind.models import get_model

__all__ = ["get_model"]
