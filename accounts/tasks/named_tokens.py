"""End the tokens of people who left, warn before tokens end, and tell makers, owner and admins about them."""

from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.module_loading import import_string

from accounts.models import Account, Credential, User
from accounts.queries.named_tokens import NamedRow
from accounts.services import named_tokens, token_lifetime
from accounts.tasks.credentials import place_of
from console.core.events import EventKind, subscriber
from console.core.mail import queue_mail
from console.core.models import AuditEvent


@shared_task(name="accounts.end_tokens_of_leavers")
def end_tokens_of_leavers() -> None:
    """End the named tokens of people who are members no more."""
    named_tokens.end_tokens_of_leavers(now=timezone.now())


@shared_task(name="accounts.warn_of_token_ends")
def warn_of_token_ends() -> None:
    """Warn 14, 7 and 1 days before a named token ends, or an Auth Token gets too old."""
    token_lifetime.warn_of_ends(now=timezone.now())


@subscriber(EventKind.NAMED_TOKEN_MADE)
def mail_named_token_made(event: AuditEvent) -> None:
    """Tell that a named token was made, and what it may do."""
    token = _token(event)
    facts = [("May", ", ".join(NamedRow(token, "live").permissions))]
    facts += [("Only from", ", ".join(event.data["cidrs"]))] if event.data["cidrs"] else []
    _mail(event, "named_token_made", _people(event), facts=facts)


@subscriber(EventKind.NAMED_TOKEN_REVOKED)
def mail_named_token_revoked(event: AuditEvent) -> None:
    """Tell that a named token was revoked."""
    _mail(event, "named_token_revoked", _people(event))


@subscriber(EventKind.NAMED_TOKEN_ENDED)
def mail_named_token_ended(event: AuditEvent) -> None:
    """Tell that a named token ended as planned, or because its maker left; who left gets no mail."""
    has_left = event.data["reason"] == Credential.End.LEFT
    _mail(event, "named_token_ended", _people(event, with_maker=not has_left), has_left=has_left)


@subscriber(EventKind.TOKEN_END_NEARING)
def mail_token_end_nearing(event: AuditEvent) -> None:
    """Warn the maker of a named token, and on its last day or about an Auth Token the owner and admins too."""
    is_named = event.data["token_kind"] == Credential.Kind.NAMED
    people = _people(event) if not is_named or event.data["days"] <= 1 else _maker(event)
    more = {
        "is_named": is_named,
        "days": event.data["days"],
        "ends_at": parse_datetime(event.data["ends_at"]),
    }
    _mail(event, "token_end_nearing", people, **more)


@subscriber(EventKind.CREDENTIAL_LEAKED)
def mail_credential_leaked(event: AuditEvent) -> None:
    """Tell where in public a token was found, and that it ended."""
    facts = [("Found by", event.data["scanner"])]
    facts += [("Found at", event.data["url"])] if event.data["url"] else []
    _mail(event, "credential_leaked", _people(event), facts=facts)


@subscriber(EventKind.CREDENTIAL_BURNED)
def mail_credential_burned(event: AuditEvent) -> None:
    """Tell that somebody who held a token ended it."""
    facts = [("From", event.ip)] if event.ip else []
    _mail(event, "credential_burned", _people(event), facts=facts)


@subscriber(EventKind.TOKEN_LIFETIME_CHANGED)
def mail_token_lifetime_changed(event: AuditEvent) -> None:
    """Tell owner and admins about the policy, and each maker which tokens now end sooner."""
    account = Account.objects.get(pk=event.account_id or 0)
    capped = {row["id"]: {**row, "ends_at": parse_datetime(row["ends_at"])} for row in event.data["capped"]}
    more = {"days": event.data["after"], "count": len(capped)}
    _send(event, "token_lifetime_changed", _contacts(account), account, [], more)
    tokens = Credential.objects.filter(public_id__in=capped).select_related("made_by").order_by("pk")
    owned: dict[User, list[dict[str, Any]]] = {}
    for token in tokens:
        if token.made_by is not None:
            owned.setdefault(token.made_by, []).append(capped[str(token.public_id)])
    for maker, rows in owned.items():
        if _is_member(account, maker):
            _send(event, "token_lifetime_capped", [maker], account, [], more | {"tokens": rows})


def _token(event: AuditEvent) -> Credential:
    return Credential.objects.select_related("made_by", "identity__account").get(pk=event.target_id)


def _maker(event: AuditEvent) -> list[User]:
    """Return the maker of the token, if that is a member still."""
    token = _token(event)
    maker = token.made_by
    return [maker] if maker is not None and _is_member(token.identity.account, maker) else []


def _is_member(account: Account, person: User) -> bool:
    return person.is_active and person.pk in import_string(settings.MEMBER_ROLES)(account)


def _contacts(account: Account) -> list[User]:
    found: list[User] = import_string(settings.ACCOUNT_CONTACTS)(account)
    return found


def _people(event: AuditEvent, *, with_maker: bool = True) -> list[User]:
    """Return who answers for the account, and the maker of the token, each once."""
    people = _contacts(Account.objects.get(pk=event.account_id or 0))
    makers = _maker(event) if with_maker else []
    return [*people, *(maker for maker in makers if maker not in people)]


def _mail(
    event: AuditEvent,
    name: str,
    people: list[User],
    *,
    facts: list[tuple[str, str]] | None = None,
    **more: Any,
) -> None:
    account = Account.objects.get(pk=event.account_id or 0)
    token = event.data["token"]
    shown = [("Name", event.data["name"])] if event.data.get("name") else []
    shown += [("Token", token), ("Account", f"{account.name}, {account.auth_id}")]
    shown += [("By", event.actor_label)] if event.actor_label else []
    more |= {"token": token, "name": event.data.get("name") or "An Auth Token"}
    _send(event, name, people, account, [*shown, *(facts or [])], more)


def _send(
    event: AuditEvent,
    name: str,
    people: list[User],
    account: Account,
    facts: list[tuple[str, str]],
    more: dict[str, Any],
) -> None:
    holder, path, label = place_of(event, account)
    facts = [*facts, ("Subaccount", holder)] if holder else facts
    context = {"account": account, "event": event, "facts": facts, **more}
    context |= {"button_url": settings.BASE_URL + path, "button_label": label}
    for person in people:
        key = f"event:{event.public_id}:{name}:{person.pk}"
        queue_mail(f"accounts/{name}", to=person.email, key=key, context=context)
