"""Say what beat sends, and how often. Part of the settings."""

from datetime import timedelta

from console import env

CELERY_BEAT_SCHEDULE = {
    "resend-overdue": {"task": "core.resend_overdue", "schedule": env.number("RESEND_SECONDS", 5)},
    "beat-heartbeat": {"task": "core.note_beat", "schedule": 10},
    "sweep-expired": {"task": "core.sweep_expired", "schedule": timedelta(hours=1)},
    "sweep-accounts": {"task": "accounts.sweep_expired", "schedule": timedelta(minutes=30)},
    "sweep-security": {"task": "security.sweep_expired", "schedule": timedelta(minutes=30)},
    "warn-of-ends": {"task": "accounts.warn_of_ends", "schedule": timedelta(minutes=1)},
    "end-credentials": {"task": "accounts.end_due_credentials", "schedule": timedelta(minutes=1)},
    "end-tokens-of-leavers": {"task": "accounts.end_tokens_of_leavers", "schedule": timedelta(minutes=5)},
    "warn-of-token-ends": {"task": "accounts.warn_of_token_ends", "schedule": timedelta(hours=1)},
    "flush-last-use": {"task": "accounts.flush_last_use", "schedule": 10},
    "flush-callers": {"task": "accounts.flush_callers", "schedule": 10},
    "revert-allowlists": {"task": "security.revert_allowlists", "schedule": 10},
    "queue-webhooks": {"task": "security.queue_webhooks", "schedule": 5},
    "check-sso-domains": {"task": "security.check_sso_domains", "schedule": timedelta(minutes=2)},
    "refresh-sso-metadata": {"task": "security.refresh_sso_metadata", "schedule": timedelta(hours=1)},
    "warn-of-sso-ends": {"task": "security.warn_of_sso_ends", "schedule": timedelta(hours=1)},
    "watch-webhooks": {"task": "security.watch_webhooks", "schedule": timedelta(minutes=5)},
    "sweep-team": {"task": "teams.sweep_ends", "schedule": timedelta(minutes=1)},
    "open-reviews": {"task": "teams.open_reviews", "schedule": timedelta(hours=6)},
    "tell-price-notices": {"task": "billing.tell_price_notices", "schedule": timedelta(minutes=5)},
    "drive-recharges": {"task": "billing.drive_recharges", "schedule": 10},
    "forget-stripe-events": {"task": "billing.forget_stripe_events", "schedule": timedelta(hours=1)},
    "sweep-alerts": {"task": "billing.sweep_alerts", "schedule": timedelta(minutes=5)},
    "sweep-plans": {"task": "billing.sweep_plans", "schedule": timedelta(minutes=15)},
    "forget-taken-usage": {"task": "billing.forget_taken", "schedule": timedelta(hours=1)},
    "verify-ledger": {"task": "billing.verify_ledger", "schedule": timedelta(hours=1)},
    "keep-usage-months": {"task": "subaccounts.keep_usage_months", "schedule": timedelta(hours=1)},
    "renew-numbers": {"task": "subaccounts.renew_numbers", "schedule": timedelta(minutes=10)},
    "advance-recoveries": {"task": "security.advance_recoveries", "schedule": timedelta(minutes=1)},
    "remind-factors": {"task": "security.remind_factors", "schedule": timedelta(minutes=10)},
    "log-chain-heads": {"task": "core.log_chain_heads", "schedule": timedelta(hours=1)},
}
