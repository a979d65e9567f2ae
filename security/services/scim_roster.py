"""Keep the directory's people in step with the team: every member has a row, and every row its member."""

from datetime import datetime

from django.db import connection

from accounts.models import Account
from console.core.access import Actor

# Somebody who was provisioned joined by their invitation: the row stands for the member from now on.
_LINK = """
UPDATE security_scimuser AS known
SET membership_id = member.id, invitation_id = NULL, changed_at = %(now)s
FROM teams_membership AS member JOIN accounts_user AS person ON person.id = member.user_id
WHERE known.account_id = %(account)s AND known.membership_id IS NULL
  AND member.account_id = %(account)s AND person.email_key = known.email_key
  AND NOT EXISTS (SELECT FROM security_scimuser AS other WHERE other.membership_id = member.id)
"""
# Members whom the directory has not named yet: it finds them by their address.
_COPY = """
INSERT INTO security_scimuser
  (account_id, public_id, membership_id, user_name, user_name_key, external_id, formatted, given_name, family_name,
   display_name, emails, email_key, email_keys, is_active, is_copied, created_at, changed_at)
SELECT member.account_id, gen_random_uuid(), member.id, person.email, person.email_key, '', person.full_name, '', '',
  person.full_name, jsonb_build_array(jsonb_build_object('value', person.email, 'type', 'work', 'primary', TRUE)),
  person.email_key, E'\\n' || person.email_key || E'\\n', TRUE, TRUE, member.created_at, member.created_at
FROM teams_membership AS member JOIN accounts_user AS person ON person.id = member.user_id
LEFT JOIN security_scimuser AS known ON known.membership_id = member.id
WHERE member.account_id = %(account)s AND known.id IS NULL
ORDER BY member.id
ON CONFLICT DO NOTHING
"""


def follow_team(account: Account, *, now: datetime) -> None:
    """Link rows whose person joined, and add one for each member who has none."""
    with connection.cursor() as cursor:
        cursor.execute(_LINK, {"account": account.pk, "now": now})
        cursor.execute(_COPY, {"account": account.pk})


def lock_directory(actor: Actor) -> Account:
    """Lock the account, so that changes of its directory come one after another."""
    return Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)
