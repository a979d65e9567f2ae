"""Import every module with tasks, so that Celery finds them."""

from billing.tasks import alerts, cards, intake, plans, prices, trial, verification

__all__ = ["alerts", "cards", "intake", "plans", "prices", "trial", "verification"]
