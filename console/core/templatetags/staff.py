"""Say on the index page of the admin what waits for staff."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.apps import apps
from django.conf import settings
from django.urls import reverse

register = template.Library()


@dataclass(frozen=True, slots=True)
class Queue:
    """A list of the admin with how many of its rows wait."""

    label: str
    url: str
    count: int


@register.simple_tag
def staff_queues(user: Any) -> list[Queue]:
    """Return the queues that the person may see, in the order of the settings."""
    return [
        queue
        for label, (model, waiting) in settings.STAFF_QUEUES.items()
        if (queue := _queue(user, label, model, waiting))
    ]


def _queue(user: Any, label: str, name: str, waiting: dict[str, object]) -> Queue | None:
    model = apps.get_model(name)
    meta = model._meta  # noqa: SLF001 - Django's public name
    if not user.has_perm(f"{meta.app_label}.view_{meta.model_name}"):
        return None
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    return Queue(label, url, model._base_manager.filter(**waiting).count())  # noqa: SLF001 - as above
