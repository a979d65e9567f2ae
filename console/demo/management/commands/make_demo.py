"""Make the demo's two accounts, once, and write down how to sign in."""

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import Account
from console.demo import builder

_SEED = 20260305


class Command(BaseCommand):
    help = "Make two sample accounts and write var/demo.json; does nothing when they are there."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.IS_DEVELOPMENT:
            raise CommandError("The demo exists in the development profile only.")
        path = Path(settings.VAR) / "demo.json"
        if _is_made(path):
            _refresh(path)
            self.stdout.write(f"The demo is there: {path}")
            return
        _write(path, builder.build(now=timezone.now(), seed=_SEED))
        self.stdout.write(f"Made the demo: {path}")


def _is_made(path: Path) -> bool:
    if not path.exists():
        return False
    known = json.loads(path.read_text(encoding="utf-8"))
    return Account.objects.filter(auth_id=known["accounts"][0]["auth_id"]).exists()


def _refresh(path: Path) -> None:
    """Note today's addresses: ports may change from start to start."""
    known = json.loads(path.read_text(encoding="utf-8"))
    known |= {
        "base_url": settings.BASE_URL,
        "database_url": str(settings.DATABASE_URL),
        "owner_database_url": str(settings.OWNER_DATABASE_URL),
    }
    _write(path, known)


def _write(path: Path, content: dict[str, Any]) -> None:
    fresh = path.with_suffix(".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
    fresh.replace(path)
