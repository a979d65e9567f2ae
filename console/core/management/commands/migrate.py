"""Migrate as the owner of the tables, then grant the application's role what it may do."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import connections
from psycopg import sql

# Append-only: the application may add rows and read them. The head of a chain and sums of days are their triggers' alone.
_APPEND_ONLY = (
    "core_auditevent",
    "billing_ledgerentry",
    "billing_pricelist",
    "billing_price",
    "django_admin_log",
)
_READ_ONLY = ("core_auditchain", "billing_ledgerday", "django_migrations")
# What was used is written once; retention may delete it.
_FINAL = ("subaccounts_usageevent",)


class Command(MigrateCommand):
    help = "Migrate as the owner of the tables and grant the application's role what it may do."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner" if "owner" in settings.DATABASES else "default")

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if options["database"] == "owner" and not (options.get("plan") or options.get("check_unapplied")):
            grant(options["database"], role=settings.DATABASES["default"]["USER"])


def grant(alias: str, *, role: str) -> None:
    """Give the role its rights on all tables of the public schema, and no more."""
    name = sql.Identifier(role)
    everyday = [
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
        "GRANT USAGE ON SCHEMA public TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
    ]
    with connections[alias].cursor() as cursor:
        for statement in everyday:
            cursor.execute(sql.SQL(statement).format(role=name))
        tables = set(connections[alias].introspection.table_names(cursor))
        _narrow(cursor, name, tables)


def _narrow(cursor: Any, role: sql.Identifier, tables: set[str]) -> None:
    groups = (("UPDATE, DELETE", _APPEND_ONLY), ("INSERT, UPDATE, DELETE", _READ_ONLY), ("UPDATE", _FINAL))
    for rights, names in groups:
        for table in tables.intersection(names):
            cursor.execute(
                sql.SQL("REVOKE " + rights + " ON {table} FROM {role}").format(
                    table=sql.Identifier(table), role=role
                )
            )
