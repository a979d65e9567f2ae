"""Delete what nobody finished and what is over: in pages, each its own transaction, safe to run twice."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, models, transaction
from psycopg import sql

from accounts.models import Account, ApiCaller, Device, EmailLink, PhoneCode, Session, SignInTries, User

_ABANDONED_AFTER = timedelta(days=7)
_KEEP_LINKS = timedelta(days=30)
_KEEP_CODES = timedelta(days=7)
_KEEP_TRIES = timedelta(days=30)
_KEEP_DEVICES = timedelta(days=400)
_PAGE = 500


def sweep_abandoned(*, now: datetime, page: int = _PAGE) -> int:
    """Delete people who never confirmed their address, with the accounts they opened; return how many."""
    last, gone = 0, 0
    while ids := _abandoned(now).filter(pk__gt=last).values_list("pk", flat=True).order_by("pk")[:page]:
        gone += sum(_delete_abandoned(pk, now) for pk in ids)
        last = ids[len(ids) - 1]
    return gone


def _abandoned(now: datetime) -> models.QuerySet[User]:
    return User.objects.filter(
        email_verified_at=None,
        created_at__lt=now - _ABANDONED_AFTER,
        is_staff=False,
        opened_accounts__state=Account.State.ONBOARDING,
    ).distinct()


@transaction.atomic
def _delete_abandoned(pk: int, now: datetime) -> int:
    # The lock waits for a confirmation that is under way, and the filter then sees it.
    user = User.objects.select_for_update().filter(pk=pk, email_verified_at=None).first()
    if user is None or Account.objects.filter(memberships__user=user).exclude(opened_by=user).exists():
        return 0
    opened = Account.objects.filter(opened_by=user)
    if opened.exclude(state=Account.State.ONBOARDING).exists():
        return 0
    for account in opened:
        _delete(account)
    _delete(user)
    return 1


def _delete(row: Account | User) -> None:
    # Django's own deletion would also ask append-only tables, which refuse even when there is nothing to delete.
    for relation in row._meta.related_objects:  # noqa: SLF001 - Django's documented way to the relations
        parts = relation.related_model._base_manager.filter(**{relation.field.name: row})  # noqa: SLF001 - as above
        if not parts.exists():
            continue
        if relation.on_delete is models.CASCADE:
            parts.delete()
        else:
            parts.update(**{relation.field.name: None})
    table = sql.Identifier(row._meta.db_table)  # noqa: SLF001 - as above
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DELETE FROM {} WHERE id = %s").format(table), [row.pk])


def sweep_old(*, now: datetime, page: int = _PAGE) -> None:
    """Delete sessions, links, codes, counts of failed tries and callers that no rule needs any more."""
    _delete_paged(Session.objects.filter(expire_date__lt=now), page)
    _delete_paged(EmailLink.objects.filter(expires_at__lt=now - _KEEP_LINKS), page)
    _delete_paged(PhoneCode.objects.filter(created_at__lt=now - _KEEP_CODES), page)
    _delete_paged(Device.objects.filter(last_seen_at__lt=now - _KEEP_DEVICES), page)
    _delete_paged(SignInTries.objects.filter(failed_at__lt=now - _KEEP_TRIES), page)
    oldest = now.date() - timedelta(days=settings.CONSOLE_CALLER_DAYS)
    _delete_paged(ApiCaller.unscoped.filter(day__lt=oldest), page)


def _delete_paged(rows: models.QuerySet, page: int) -> None:
    while ids := list(rows.values_list("pk", flat=True)[:page]):
        rows.model._default_manager.filter(pk__in=ids).delete()  # noqa: SLF001 - as above
