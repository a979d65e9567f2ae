"""Import every module with tasks, so that Celery finds them."""
