"""Write the examples of the API's page in the languages of the SDKs; the page fills in the reader's own values."""

_PYTHON = """\
import os

import plivo
import plivo.rest.client as rest

for name in ("PLIVO_API_BASE_URI", "API_VOICE_BASE_URI",
             "API_VOICE_BASE_URI_FALLBACK_1", "API_VOICE_BASE_URI_FALLBACK_2"):
    setattr(rest, name, "{base}/v1/Account")
client = plivo.RestClient("{auth_id}", os.environ["AUTH_TOKEN"], timeout=30)
"""
_NODE = """\
const plivo = require("plivo");

const client = new plivo.Client("{auth_id}", process.env.AUTH_TOKEN, {
  url: "{base}/v1/Account/{auth_id}",
});
"""
_NODE_VOICE = """\
const { createRequire } = require("module");
const plivo = require("plivo");

// The SDK sends these calls to a server of its own, whatever "url" says: lead them here.
const axios = createRequire(require.resolve("plivo"))("axios");
const send = axios.getAdapter("http");
axios.defaults.adapter = (request) =>
  send({ ...request, url: request.url.replace("https://api.plivo.com", "{base}") });
const client = new plivo.Client("{auth_id}", process.env.AUTH_TOKEN);
"""


def python(lines: str) -> str:
    """Return an example for the Python SDK."""
    return _PYTHON + lines


def node(lines: str) -> str:
    """Return an example for the Node SDK."""
    return _NODE + lines


def voice_node(lines: str) -> str:
    """Return an example for the Node SDK that calls a voice resource: an application or an endpoint."""
    return _NODE_VOICE + lines
