"""Stand between a password and a session: the phone, the second factor, its enrolment, recovery codes."""

from typing import Any

from django.utils import timezone

from accounts.login_steps import SignIn
from security import queries
from security.sign_in_rules import enforced_rule
from teams.queries import memberships_of
from teams.roles import Role


class SsoStep:
    """Lead people to their company's provider when every account of theirs asks for it; owners keep the password."""

    route = "security:sso_step"

    def is_due(self, sign_in: SignIn) -> bool:
        """Say whether a password opens no account of the person."""
        if sign_in.has("sso") or sign_in.user.is_staff:
            return False
        found: list[Any] = list(memberships_of(sign_in.user))
        return bool(found) and all(member.sso_rule and member.role != Role.OWNER for member in found)


def _is_vouched(sign_in: SignIn) -> bool:
    """Say whether the provider proved both factors, so that none of ours is asked for."""
    return bool(sign_in.facts.get("is_two_factor"))


class RecoveryStep:
    """Ask a person whose factors a recovery removed for the mailed link: the password alone adds none."""

    route = "security:recovery_resume"

    def is_due(self, sign_in: SignIn) -> bool:
        """Say whether the person has no factors yet and did not come by the link."""
        return (
            not _is_vouched(sign_in) and not sign_in.has("recovery") and queries.is_recovering(sign_in.user)
        )


class PhoneStep:
    """Ask a newcomer for a phone number and the code sent to it."""

    route = "security:phone"

    def is_due(self, sign_in: SignIn) -> bool:
        """Say whether the number is still unproved; staff need none."""
        is_needed = sign_in.user.phone_verified_at is None and not sign_in.user.is_staff
        return is_needed and not _is_vouched(sign_in)


class FactorStep:
    """Ask for the second factor."""

    route = "security:second_factor"

    def is_due(self, sign_in: SignIn) -> bool:
        """Say whether the person has a factor and has not used one in this sign-in."""
        is_proved = sign_in.has("phone", "sms", "voice", "totp", "passkey", "recovery-code")
        return not is_proved and not _is_vouched(sign_in) and queries.factors_of(sign_in.user).has_any


class ReverifyStep:
    """Ask for a mailed code or a recovery code, once, of everybody whose account was locked down."""

    route = "security:reverify"

    def is_due(self, sign_in: SignIn) -> bool:
        """Say whether the person must prove more than usual."""
        return sign_in.user.reverify_since is not None


class EnrolmentStep:
    """Offer an authenticator app to a newcomer, and ask it of staff and where an account's rule does."""

    route = "security:choose_factor"

    def is_due(self, sign_in: SignIn) -> bool:
        """Say whether there is no app or passkey, and the person may not or did not choose to go without."""
        if _is_vouched(sign_in) or queries.factors_of(sign_in.user).has_strong:
            return False
        if sign_in.user.is_staff or not queries.has_chosen_phone(sign_in.user):
            return True
        return enforced_rule(sign_in.user, now=timezone.now()) is not None


class RecoveryCodesStep:
    """Show recovery codes once, until the person says that they are kept."""

    route = "security:recovery_codes_first"

    def is_due(self, sign_in: SignIn) -> bool:
        """Say whether no recovery code is left that the person keeps."""
        return not _is_vouched(sign_in) and not queries.has_kept_codes(sign_in.user)
