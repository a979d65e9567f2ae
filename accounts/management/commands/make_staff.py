"""Make a staff member: asks for everything, assumes nothing."""

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.services.staff import make_staff
from console.core.errors import DomainError


class Command(BaseCommand):
    help = "Make a staff member. Asks for address, name, password and groups."

    def handle(self, *args: Any, **options: Any) -> None:
        email = input("Email: ")
        full_name = input("Full name: ")
        groups = [name.strip() for name in input("Groups, parted by commas (empty for none): ").split(",")]
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("The same password again: "):
            raise CommandError("The two passwords differ. Nobody was made.")
        try:
            user = make_staff(
                email=email,
                full_name=full_name,
                password=password,
                groups=[name for name in groups if name],
                now=timezone.now(),
            )
        except DomainError as error:
            raise CommandError(f"{error} Nobody was made.") from error
        self.stdout.write(f"{user.email} is staff. The first sign-in asks for a second factor.")
