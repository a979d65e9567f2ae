"""Take Stripe's webhooks: signed, stored once, answered at once, worked on by a task."""

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from billing.gateway import BadSignature
from billing.services.stripe_events import take_stripe_event
from console.core.access import access
from console.core.api import answer_error, json_reply, refusal
from console.core.errors import DomainError
from console.core.metrics import count_refusal
from console.core.permissions import Gate


@access(Gate.MACHINE)
@csrf_exempt
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Store what Stripe tells and answer 200, also when it came before."""
    try:
        if request.method != "POST":
            raise refusal(405, headers={"Allow": "POST"})
        signature = request.headers.get("Stripe-Signature", "")
        take_stripe_event(body=request.body, signature=signature, now=timezone.now())
    except BadSignature:
        count_refusal("stripe-signature")
        return answer_error(refusal(400))
    except DomainError as error:
        return answer_error(error)
    return json_reply(200, {"received": True})


urlpatterns = [path("billing/stripe/webhook/", stripe_webhook, name="stripe_webhook")]
