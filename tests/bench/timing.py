"""Time addresses in turns, so that noise meets all alike, and compare their medians."""

import http.client
import statistics
import time
from dataclasses import dataclass, field


@dataclass
class Case:
    """One address; ``base`` is the case that it is compared with, ``most`` what the ratio must not exceed."""

    name: str
    port: int
    path: str
    headers: dict[str, str]
    base: str = ""
    most: float = 1.0
    times: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Return the median time in seconds."""
        return statistics.median(self.times)


def measure(cases: list[Case], *, rounds: int, warm_up: int = 10) -> list[dict[str, object]]:
    """Call every address in turns on one kept connection a server, and return a row of figures each."""
    connections = {
        port: http.client.HTTPConnection("127.0.0.1", port, timeout=120) for port in {c.port for c in cases}
    }
    for turn in range(rounds + warm_up):
        for case in cases:
            seconds = _call(connections[case.port], case)
            if turn >= warm_up:
                case.times.append(seconds)
    known = {case.name: case for case in cases}
    return [_figure(case, known.get(case.base)) for case in cases]


def _call(connection: http.client.HTTPConnection, case: Case) -> float:
    started = time.perf_counter()
    connection.request("GET", case.path, headers=case.headers)
    try:
        answer = connection.getresponse()
        answer.read()
    except TimeoutError:
        raise SystemExit(f"{case.name}: {case.path} did not answer") from None
    if answer.status != 200:
        raise SystemExit(f"{case.name}: {case.path} answered {answer.status}")
    return time.perf_counter() - started


def _figure(case: Case, base: Case | None) -> dict[str, object]:
    return {
        "what": case.name,
        "median_ms": round(case.median * 1000, 2),
        "compared_with": case.base,
        "ratio": round(case.median / base.median, 2) if base else 1.0,
        "must_reach": case.most,
    }
