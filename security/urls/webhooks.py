"""Addresses of webhooks."""

from django.urls import path

from security.views import webhooks

_LIST = "<auth_id:account>/account/settings/webhooks/"
_ONE = f"{_LIST}<uuid:public_id>/"
_DELIVERY = f"{_ONE}deliveries/<uuid:delivery>/"

urlpatterns = [
    path(_LIST, webhooks.webhook_list, name="webhook_list"),
    path(f"{_LIST}add/", webhooks.webhook_add, name="webhook_add"),
    path(f"{_LIST}verify/", webhooks.webhook_verify, name="webhook_verify"),
    path(_ONE, webhooks.webhook, name="webhook"),
    path(f"{_ONE}change/", webhooks.webhook_change, name="webhook_change"),
    path(f"{_ONE}secret/", webhooks.webhook_secret, name="webhook_secret"),
    path(f"{_ONE}pause/", webhooks.webhook_pause, name="webhook_pause"),
    path(f"{_ONE}resume/", webhooks.webhook_resume, name="webhook_resume"),
    path(f"{_ONE}remove/", webhooks.webhook_remove, name="webhook_remove"),
    path(f"{_ONE}test/", webhooks.webhook_test, name="webhook_test"),
    path(f"{_ONE}replay/", webhooks.webhook_replay, name="webhook_replay"),
    path(_DELIVERY, webhooks.webhook_delivery, name="webhook_delivery"),
    path(f"{_DELIVERY}replay/", webhooks.webhook_delivery_replay, name="webhook_delivery_replay"),
]
