"""Read the dev inbox as a page or as JSON."""

import uuid

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from console.core.access import access
from console.core.permissions import Gate
from console.devinbox.models import DevMessage

_JSON_LIMIT = 500
_PAGE = 25


@access(Gate.PUBLIC)
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """List the messages, newest first; ``to`` narrows to a recipient."""
    rows = DevMessage.objects.order_by("-id")
    if to := request.GET.get("to", ""):
        rows = rows.filter(to__icontains=to)
    page = Paginator(rows, _PAGE).get_page(request.GET.get("page"))
    return render(request, "devinbox/inbox.html", {"page": page, "to": to})


@access(Gate.PUBLIC)
@require_safe
def message(request: HttpRequest, message: uuid.UUID) -> HttpResponse:
    """Show one message as text."""
    return render(
        request, "devinbox/message.html", {"message": get_object_or_404(DevMessage, public_id=message)}
    )


@access(Gate.PUBLIC)
@require_safe
def inbox_json(request: HttpRequest) -> HttpResponse:
    """List the newest messages for scripts."""
    rows = DevMessage.objects.order_by("-id")[:_JSON_LIMIT]
    return JsonResponse([_shape(row) for row in rows], safe=False)


def _shape(row: DevMessage) -> dict[str, object]:
    return {
        "id": str(row.public_id),
        "channel": row.channel,
        "to": row.to,
        "subject": row.subject,
        "text": row.text,
        "html": row.html,
        "links": row.links,
        "code": row.code,
        "sent_at": row.sent_at.isoformat(),
    }
