"""Fields of PostgreSQL's own types."""

from typing import Any

from django.db import models


class CidrField(models.Field):
    """A network in PostgreSQL's own type, which refuses host bits and compares with addresses."""

    description = "network"

    def db_type(self, connection: Any) -> str:
        """Return the column's type."""
        return "cidr"
