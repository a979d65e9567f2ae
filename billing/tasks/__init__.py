"""Import every module with tasks, so that Celery finds them."""

from billing.tasks import plans, trial, verification

__all__ = ["plans", "trial", "verification"]
