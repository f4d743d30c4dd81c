"""The operator's pages: the state of the installation, its districts, cities and installation-wide accounts."""

from web.views.ops import accounts, districts, status
from web.views.ops.common import blueprint

__all__ = ["accounts", "blueprint", "districts", "status"]
