"""Settings of gunicorn, from the environment."""

import os
import shutil
from pathlib import Path

_host, _port = os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT", "8000")
_metrics_port = os.environ.get("METRICS_PORT", "0")

bind = [f"[{_host}]:{_port}" if ":" in _host else f"{_host}:{_port}"]
if _metrics_port != "0":
    bind.append(f"{os.environ.get('METRICS_HOST', '127.0.0.1')}:{_metrics_port}")
    # The counters of all workers meet in one folder, empty at the start of the master.
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        _counters = Path(os.environ.get("VAR", "var")) / "metrics"
        shutil.rmtree(_counters, ignore_errors=True)
        _counters.mkdir(parents=True)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_counters)

worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
preload_app = False
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - heartbeats need no disk

timeout = 30
graceful_timeout = 6
keepalive = 5
max_requests = 10_000
max_requests_jitter = 2_000

limit_request_line = 4094
limit_request_fields = 100
limit_request_field_size = 8190
header_map = "drop"
# The application reads the proxy's headers itself, and only as many hops as TRUSTED_PROXIES says.
forwarded_allow_ips = ""
forwarder_headers = ""
control_socket_disable = True

accesslog = None  # the application writes one JSON line for each request
errorlog = "-"
loglevel = os.environ.get("GUNICORN_LOG_LEVEL", "warning")
