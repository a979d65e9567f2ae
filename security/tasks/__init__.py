"""Tasks of the security app; Celery finds them here."""

from security.tasks.allowlist import mail_allowlist, revert_allowlists
from security.tasks.compromise import (
    mail_anomaly,
    mail_locked_down,
    mail_member_signed_out,
    mail_reopened,
    mail_reverified,
    watch_sign_in,
)
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
from security.tasks.recovery import advance_recoveries, mail_recovery, mail_recovery_contacts, text_recovery
from security.tasks.rules import mail_factor_rule, mail_factor_rule_changed, remind_factors
from security.tasks.scim import mail_provisioning
from security.tasks.session_policy import mail_session_policy
from security.tasks.sso import check_sso_domains, mail_sso, refresh_sso_metadata, warn_of_sso_ends
from security.tasks.sso_sign_in import forget_sso_link, mail_sso_bypassed, mail_sso_linked, note_sso_bypass
from security.tasks.sweeping import sweep_expired
from security.tasks.webhooks import mail_webhook, push_webhook, queue_webhooks, watch_webhooks

__all__ = [
    "advance_recoveries",
    "check_sso_domains",
    "forget_phone_change",
    "forget_sso_link",
    "mail_allowlist",
    "mail_anomaly",
    "mail_factor_added",
    "mail_factor_removed",
    "mail_factor_rule",
    "mail_factor_rule_changed",
    "mail_locked_down",
    "mail_member_signed_out",
    "mail_passkey_copy",
    "mail_phone_change_asked",
    "mail_phone_changed",
    "mail_provisioning",
    "mail_recovery",
    "mail_recovery_code_used",
    "mail_recovery_codes_made",
    "mail_recovery_contacts",
    "mail_reopened",
    "mail_reverified",
    "mail_session_policy",
    "mail_sso",
    "mail_sso_bypassed",
    "mail_sso_linked",
    "mail_webhook",
    "note_sso_bypass",
    "push_webhook",
    "queue_webhooks",
    "refresh_sso_metadata",
    "remind_factors",
    "revert_allowlists",
    "sweep_expired",
    "text_recovery",
    "warn_of_sso_ends",
    "watch_sign_in",
    "watch_webhooks",
]
