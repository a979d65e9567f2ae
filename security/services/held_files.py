"""Keep the files of a held act, encrypted, until it is carried out."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from dataclasses import field as attribute
from datetime import datetime

from django.conf import settings

from console.core import crypto
from console.core.errors import DomainError
from console.core.ratelimit import Limit, spend
from security.models import HeldAct, HeldFile

_HELD = Limit("held-files", 20, 3600)


class FilesTooLarge(DomainError):
    """There are more files, or larger ones, than wait for a confirmation."""

    code = "files_too_large"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came in: the field, its name, what the browser says it is, and its content."""

    field: str
    name: str
    content_type: str
    content: bytes
    charset: str | None = None
    extra: dict[str, str] = attribute(default_factory=dict)


def check_files(sizes: list[int]) -> None:
    """Refuse what is too much to be held, before anything of it is read.

    :raises FilesTooLarge: above the limits
    """
    if len(sizes) > settings.CONSOLE_HELD_FILES:
        raise FilesTooLarge(f"Send {settings.CONSOLE_HELD_FILES} files at most.")
    if any(size > settings.CONSOLE_HELD_FILE_BYTES for size in sizes):
        raise FilesTooLarge("A file is too large.")


def spend_files(user_id: int, *, now: datetime) -> None:
    """Count a held act with files.

    :raises TooManyRequests: after too many
    """
    spend(_HELD, str(user_id), now=now)


def hold_files(held: HeldAct, files: Iterable[Upload]) -> None:
    """Store the files, one row each, in the caller's transaction."""
    for number, upload in enumerate(files):
        row = HeldFile(act=held, number=number)
        about = {name: value for name, value in asdict(upload).items() if name != "content"}
        # One line of JSON, then the file itself.
        row.sealed = crypto.encrypt(json.dumps(about).encode() + b"\n" + upload.content, context=row.context)
        row.save()


def take_files(held: HeldAct) -> tuple[Upload, ...]:
    """Return the files of the act, and delete them, in the caller's transaction."""
    rows = list(HeldFile.objects.filter(act=held).order_by("number"))
    files = tuple(_open(row) for row in rows)
    HeldFile.objects.filter(act=held).delete()
    return files


def _open(row: HeldFile) -> Upload:
    about, _, content = crypto.decrypt(bytes(row.sealed), context=row.context).partition(b"\n")
    return Upload(content=content, **json.loads(about))
