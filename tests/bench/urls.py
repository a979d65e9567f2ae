"""The console's addresses, and the bare views that its pages are measured against."""

from django.http import HttpResponse, JsonResponse
from django.urls import path

from accounts.models import Account
from console.core.access import access
from console.core.permissions import Gate
from console.urls import urlpatterns as console_patterns


@access(Gate.PUBLIC)
def bare_page(request):
    """Load session and user, and nothing else."""
    return HttpResponse(f"Hello {request.user.pk}")


@access(Gate.PUBLIC)
def bare_query(request, auth_id):
    """Make one indexed query, and nothing else."""
    return JsonResponse({"name": Account.objects.only("name").get(auth_id=auth_id).name})


urlpatterns = [
    path("bench/page/", bare_page, name="bench_page"),
    path("bench/query/<str:auth_id>/", bare_query, name="bench_query"),
    *console_patterns,
]
handler404 = "console.errors.not_found"
