"""Run localstripe on loopback with a state file of its own: ``python -m console.stack.stripe_fake DIRECTORY PORT``.

By itself it listens everywhere, keeps its state in one file of the machine, and knows no idempotency keys.
"""

import os
import pickle
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from localstripe import server
from localstripe.resources import Store, store
from localstripe.webhooks import register_webhook

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# What Stripe takes and localstripe refuses.
_UNKNOWN = ("off_session",)
_answers: dict[str, tuple[bytes, int, str]] = {}


@web.middleware
async def answer_once(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Give the answer of the first request again to each with the same idempotency key, as Stripe does."""
    key = request.headers.get("Idempotency-Key", "")
    if not key or request.method != "POST":
        return await handler(request)
    body = await request.read()
    if key in _answers:
        known, status, text = _answers[key]
        if known != body:
            error = {"type": "idempotency_error", "message": "The key was used with other parameters."}
            return web.json_response({"error": error}, status=400)
        return web.Response(text=text, status=status, content_type="application/json")
    answer = await handler(request)
    if isinstance(answer, web.Response) and answer.status < 500:  # noqa: PLR2004 - Stripe keeps no 5xx
        _answers[key] = (body, answer.status, answer.text or "")
    return answer


def _read_less(read: Any) -> Any:
    async def read_known(request: web.Request, **options: Any) -> Any:
        data = await read(request, **options)
        if data and request.path.endswith("/confirm"):
            return {name: value for name, value in data.items() if name not in _UNKNOWN}
        return data

    return read_known


def _keep_in(path: Path) -> None:
    def dump(found: Store) -> None:
        draft = path.with_suffix(".new")
        draft.write_bytes(pickle.dumps(found))
        draft.replace(path)

    Store.dump_to_disk = dump
    if path.exists():
        store.update(pickle.loads(path.read_bytes()))  # noqa: S301  # nosec B301 - this process wrote it


def main(arguments: list[str]) -> None:
    """Serve until the end; WEBHOOK_URL and WEBHOOK_SECRET say whom to tell."""
    directory = Path(arguments[0])
    _keep_in(directory / "store.pickle")
    server.get_post_data = _read_less(server.get_post_data)
    server.app.middlewares.insert(0, answer_once)
    if os.environ.get("WEBHOOK_URL"):
        register_webhook("console", os.environ["WEBHOOK_URL"], os.environ["WEBHOOK_SECRET"], None)
    (directory / "stripe.pid").write_text(str(os.getpid()))
    web.run_app(server.app, host="127.0.0.1", port=int(arguments[1]), print=None)


if __name__ == "__main__":
    main(sys.argv[1:])
