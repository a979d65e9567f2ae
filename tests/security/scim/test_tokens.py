"""Tokens for provisioning: made, shown once, rotated, revoked; and the page about them."""

import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from console.core import crypto
from console.core.access import AccessRefused
from security.models import ScimToken
from security.services.lockdown import lock_down
from security.services.scim_tokens import make_scim_token
from teams.roles import Role
from teams.services import RaisedOnly, raise_member
from tests.security.scim.scim_steps import Directory, directory_of
from tests.teams.team_steps import actor_of, kinds, member_of
from tests.work import mails_to


def _place(cast, name, **arguments):
    return reverse(f"security:{name}", kwargs={"account": cast.account.auth_id, **arguments})


def _make(cast, who="owner", *, keeps_old=False, now=None, form_id=None):
    return make_scim_token(
        actor=actor_of(cast, who),
        keeps_old=keeps_old,
        now=now or timezone.now(),
        form_id=form_id or uuid.uuid4(),
    )


def test_page_makes_a_token_and_shows_it_once(client, cast):
    cast.sign_in(client, "admin")
    form = {"form_id": uuid.uuid4()}
    answer = client.post(_place(cast, "provisioning_token"), form)
    row = ScimToken.objects.of(cast.account).get()
    token = next(word for word in answer.content.decode().replace("<", " ").replace(">", " ").split()
                 if word.startswith("pbtscim_"))  # fmt: skip
    assert crypto.is_token(token, prefix="pbtscim")
    assert bytes(row.digest) == crypto.token_digest(token)
    assert (
        token
        not in client.post(_place(cast, "provisioning_token"), form | {"overlap": "keep"}).content.decode()
    )
    assert ScimToken.objects.of(cast.account).count() == 1
    page = client.get(_place(cast, "provisioning")).content.decode()
    assert str(row) in page
    assert token not in page
    assert "was made" in mails_to(cast.owner.email)[-1].subject
    assert token not in mails_to(cast.owner.email)[-1].body
    assert kinds(cast)[-1] == "scim-token:made"


def test_use_is_noted(client, cast):
    directory = directory_of(cast)
    directory.call("GET", "/Schemas")
    assert ScimToken.objects.of(cast.account).get().last_used_ip == "127.0.0.1"
    cast.sign_in(client, "owner")
    assert b"127.0.0.1" in client.get(_place(cast, "provisioning")).content


def test_rotation_keeps_the_old_token_for_a_day(cast):
    now = timezone.now()
    old = Directory(_make(cast, now=now - timedelta(hours=1)).token)
    new = Directory(_make(cast, keeps_old=True, now=now).token)
    assert [one.call("GET", "/Schemas").status_code for one in (old, new)] == [200, 200]
    ScimToken.objects.of(cast.account).exclude(ends_at=None).update(ends_at=now)
    assert [one.call("GET", "/Schemas").status_code for one in (old, new)] == [401, 200]
    newest = Directory(_make(cast, keeps_old=False).token)
    assert [one.call("GET", "/Schemas").status_code for one in (new, newest)] == [401, 200]


def test_revoked_token_opens_nothing(client, cast):
    directory = directory_of(cast)
    cast.sign_in(client, "owner")
    address = _place(
        cast, "provisioning_revoke", credential=ScimToken.objects.of(cast.account).get().public_id
    )
    assert client.get(address).status_code == 200
    assert directory.call("GET", "/Schemas").status_code == 200
    assert client.post(address).status_code == 302
    assert directory.call("GET", "/Schemas").status_code == 401
    foreign = make_foreign(cast)
    assert client.post(_place(cast, "provisioning_revoke", credential=foreign.public_id)).status_code == 404
    foreign.refresh_from_db()
    assert foreign.ended_at is None


def make_foreign(cast):
    return ScimToken.objects.create(
        account=cast.other_account, prefix="pbtscim_x", last_four="abcd", digest=b"x" * 32
    )


def test_only_owner_and_admin_and_not_for_a_while(client, cast):
    with pytest.raises(AccessRefused):
        _make(cast, "developer")
    raise_member(
        actor=actor_of(cast, "owner"),
        member_id=member_of(cast, "developer").public_id,
        reason="Holiday",
        now=timezone.now(),
    )
    with pytest.raises(RaisedOnly):
        _make(cast, "developer")
    cast.sign_in(client, "owner", confirmed=False)
    assert client.post(_place(cast, "provisioning_token"), {"form_id": uuid.uuid4()}).status_code == 303
    assert not ScimToken.objects.of(cast.account).exists()


def test_lock_down_stops_provisioning(cast):
    directory = directory_of(cast)
    lock_down(actor=actor_of(cast, "owner"), keep=None, now=timezone.now())
    assert directory.call("GET", "/Schemas").status_code == 401


def test_role_of_a_group_is_set_on_the_page(client, cast):
    directory = directory_of(cast)
    group = directory.add_group("Engineers", directory.find(cast.support.email)["id"]).json()
    cast.sign_in(client, "admin")
    address = _place(cast, "provisioning_group", public_id=group["id"])
    assert client.get(address).status_code == 200
    assert client.post(address, {"role": "owner"}).status_code == 422
    assert client.post(address, {"role": "developer"}).status_code == 302
    assert member_of(cast, "support").role == Role.DEVELOPER
    assert (
        "stands for another role"
        in mails_to(cast.owner.email)[-2].subject + mails_to(cast.owner.email)[-1].subject
    )
    assert b"Engineers" in client.get(_place(cast, "provisioning")).content
    assert client.post(_place(cast, "provisioning_group", public_id=uuid.uuid4()), {}).status_code == 404
