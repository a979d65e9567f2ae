"""Import every module with tasks, so that Celery finds them."""

from billing.tasks import cards, intake, plans, prices, trial, verification

__all__ = ["cards", "intake", "plans", "prices", "trial", "verification"]
