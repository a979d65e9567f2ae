"""What the tests of the allowlist share."""

from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from console.core.access import Actor
from console.core.requests import Origin
from security.models import AllowlistAccess, AllowlistEntry
from teams.roles import RIGHTS, Role


def grant(account, mode="report", *networks, **entry):
    """Give the account a list in a mode, with entries."""
    access, _ = AllowlistAccess.objects.update_or_create(
        account=account, defaults={"state": "approved", "mode_since": timezone.now(), "confirm_by": None}
    )
    Account.objects.filter(pk=account.pk).update(allowlist_mode=mode)
    account.allowlist_mode = mode
    for network in networks:
        AllowlistEntry.objects.create(account=account, network=network, **entry)
    return access


def actor_of(cast, role=Role.OWNER, account=None):
    """Return a member of the account who acts."""
    user = getattr(cast, str(role))
    return Actor(
        user=user, account=account or cast.account, rights=RIGHTS[role], origin=Origin(ip="192.0.2.1")
    )


def page(name, account, **more):
    """Return an address of the allowlist."""
    return reverse(f"security:{name}", kwargs={"account": account.auth_id, **more})
