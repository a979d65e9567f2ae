"""Addresses with a view that takes files, which no page of the console does yet."""

import hashlib

from django import forms
from django.http import HttpResponse, JsonResponse
from django.template import engines
from django.urls import include, path
from django.views.decorators.http import require_http_methods

from console import urls as console_urls  # it registers the converter of Auth IDs
from console.core.access import access
from console.core.permissions import Permission

_PAGE = """
{% for message in messages %}<p>{{ message }}</p>{% endfor %}
<form method="post" enctype="multipart/form-data">{% csrf_token %}{{ form }}</form>
"""
SEEN: list[dict] = []


class UploadForm(forms.Form):
    title = forms.CharField()
    kind = forms.ChoiceField(choices=[("a", "First kind"), ("b", "Second kind")])
    tags = forms.MultipleChoiceField(
        choices=[("x", "X"), ("y", "Y"), ("z", "Z")], widget=forms.CheckboxSelectMultiple
    )
    secret = forms.CharField(widget=forms.PasswordInput, required=False)
    paper = forms.FileField(required=False)


@access(Permission.SELF_MANAGE, recent_auth=True, deed="to send papers")
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request):
    """Take files."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        files = [
            (field, file.name, file.content_type, file.size, hashlib.sha256(file.read()).hexdigest())
            for field, found in request.FILES.lists()
            for file in found
        ]
        SEEN.append({"post": dict(request.POST.lists()), "files": files, "user": request.actor.user.pk})
        return JsonResponse({"files": len(files)})
    page = engines["django"].from_string(_PAGE).render({"form": form}, request)
    return HttpResponse(page, status=422 if form.errors else 200)


urlpatterns = [
    path("<auth_id:account>/upload/", upload, name="upload"),
    path("", include(console_urls)),
]
handler400 = "console.errors.bad_request"
handler403 = "console.errors.forbidden"
handler404 = "console.errors.not_found"
