"""Tasks of the security app; Celery finds them here."""

from security.tasks.allowlist import mail_allowlist, revert_allowlists
from security.tasks.factors import (
    forget_phone_change,
    mail_factor_added,
    mail_factor_removed,
    mail_passkey_copy,
    mail_phone_change_asked,
    mail_phone_changed,
    mail_recovery_code_used,
    mail_recovery_codes_made,
)
from security.tasks.sweeping import sweep_expired

__all__ = [
    "forget_phone_change",
    "mail_allowlist",
    "mail_factor_added",
    "mail_factor_removed",
    "mail_passkey_copy",
from security.tasks.session_policy import mail_session_policy
    "mail_phone_change_asked",
    "mail_phone_changed",
    "mail_recovery_code_used",
    "mail_recovery_codes_made",
    "revert_allowlists",
    "sweep_expired",
]
    "mail_reopened",
    "mail_reverified",
    "mail_session_policy",
