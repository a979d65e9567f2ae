"""Addresses of cards and recharges."""

from django.urls import path

from billing.views import cards

_PAGE = "<auth_id:account>/billing/payments/"
_CARD = f"{_PAGE}cards/<uuid:public_id>/"
_RECHARGE = f"{_PAGE}recharges/<uuid:public_id>/"

urlpatterns = [
    path(_PAGE, cards.payments, name="payments"),
    path(f"{_PAGE}recharges/add/", cards.recharge_add, name="recharge_add"),
    path(_RECHARGE, cards.recharge, name="recharge"),
    path(f"{_RECHARGE}check/", cards.recharge_check, name="recharge_check"),
    path(f"{_PAGE}auto-recharge/", cards.auto_recharge, name="auto_recharge"),
    path(f"{_PAGE}auto-recharge/off/", cards.auto_recharge_off, name="auto_recharge_off"),
    path(f"{_PAGE}auto-recharge/resume/", cards.auto_recharge_resume, name="auto_recharge_resume"),
    path(f"{_PAGE}cards/add/", cards.card_add, name="card_add"),
    path(f"{_PAGE}cards/new/<uuid:public_id>/", cards.card_setup, name="card_setup"),
    path(f"{_PAGE}cards/new/<uuid:public_id>/finish/", cards.card_finish, name="card_finish"),
    path(f"{_CARD}default/", cards.card_default, name="card_default"),
    path(f"{_CARD}remove/", cards.card_remove, name="card_remove"),
]
