"""Tell a carrier what a call should say, when it asks with the sealed words it was given."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from console.core.access import access
from console.core.carriers.speech import find_speech, speech_xml
from console.core.permissions import Gate


@access(Gate.PUBLIC)
@require_safe
def speech(request: HttpRequest) -> HttpResponse:
    """Answer the words of one call; they are sealed in the address and live ten minutes."""
    text = find_speech(request.GET.get("speech", ""), now=timezone.now())
    if text is None:
        raise Http404
    return HttpResponse(speech_xml(text, tag="Speak"), content_type="application/xml; charset=utf-8")
