"""Import every module with tasks, so that Celery finds them."""

from billing.tasks import intake, plans, prices, trial, verification

__all__ = ["intake", "plans", "prices", "trial", "verification"]
