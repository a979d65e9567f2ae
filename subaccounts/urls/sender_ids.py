"""Addresses of sender IDs."""

from django.urls import path

from subaccounts.views import sender_ids

_SENDERS = "<auth_id:account>/messaging/sender-ids/"

urlpatterns = [
    path(_SENDERS, sender_ids.sender_id_list, name="sender_id_list"),
    path(f"{_SENDERS}request/", sender_ids.sender_id_request, name="sender_id_request"),
    path(f"{_SENDERS}<uuid:public_id>/remove/", sender_ids.sender_id_remove, name="sender_id_remove"),
]
