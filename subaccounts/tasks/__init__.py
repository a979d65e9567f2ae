"""Import every module with tasks, so that Celery finds them."""

from subaccounts.tasks import numbers, sender_ids, subaccounts, usage

__all__ = ["numbers", "sender_ids", "subaccounts", "usage"]
