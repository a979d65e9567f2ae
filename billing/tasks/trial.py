"""React to accounts that open."""

from accounts.models import Account
from billing import services
from console.core.events import EventKind, subscriber
from console.core.models import AuditEvent


@subscriber(EventKind.ACCOUNT_ACTIVATED)
def grant_trial_credit(event: AuditEvent) -> None:
    """Post the trial credit."""
    services.grant_trial_credit(account=Account.objects.get(pk=event.target_id), now=event.at)
