"""Make the secrets of a development installation once, and keep them."""

import base64
import json
import os
import secrets
from pathlib import Path


def load_or_make(var: Path) -> dict[str, str]:
    """Return the secrets of this folder; those that a later version added are made now."""
    path = var / "secrets.json"
    known = dict(json.loads(path.read_text())) if path.exists() else {}
    made = {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "FIELD_KEYS": f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "METRICS_TOKEN": secrets.token_urlsafe(32),
        "USAGE_KEY": secrets.token_urlsafe(32),
    } | known
    if made == known:
        return known
    draft = var / "secrets.json.new"
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123 - mode
        json.dump(made, file)
    draft.replace(path)
    return made
