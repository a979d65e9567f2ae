"""Let an account end its members' sessions earlier than the console does."""

from django.conf import settings
from django.db import transaction

from accounts.models import Account
from console.core.access import Actor
from console.core.errors import DomainError
from console.core.events import EventKind, record
from console.core.permissions import Permission

SHORTEST_IDLE, SHORTEST_HOURS = 5, 1


class PolicyRefused(DomainError):
    """An account may only shorten what the console allows."""

    code = "session_policy_refused"


@transaction.atomic
def change_session_policy(*, actor: Actor, idle_minutes: int, hours: int) -> bool:
    """Set how long the sessions of the account's members may idle and last, and return whether that is new.

    It holds from each session's next request on. The console's own limits mean that the account has no rule.

    :raises PolicyRefused: if a limit is longer than the console's, or too short to work with
    """
    actor.require(Permission.SECURITY_MANAGE)
    account = Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)
    before = {"idle_minutes": account.session_idle_minutes, "hours": account.session_hours}
    after = {
        "idle_minutes": _rule(idle_minutes, SHORTEST_IDLE, settings.CONSOLE_SESSION_IDLE_MINUTES),
        "hours": _rule(hours, SHORTEST_HOURS, settings.CONSOLE_SESSION_HOURS),
    }
    if after == before:
        return False
    account.session_idle_minutes, account.session_hours = after["idle_minutes"], after["hours"]
    account.save(update_fields=["session_idle_minutes", "session_hours"])
    record(EventKind.SESSION_POLICY_CHANGED, actor=actor, target=account, before=before, after=after)
    return True


def _rule(value: int, shortest: int, longest: int) -> int | None:
    if not shortest <= value <= longest:
        raise PolicyRefused(f"Choose a value between {shortest} and {longest}.")
    return value if value < longest else None
