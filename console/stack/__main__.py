"""Start the console: ``python -m console.stack run`` or ``python -m console.stack demo``."""

import os
import signal
import sys

from console.stack.plan import standard_plan
from console.stack.process import StartError, end_with_parent, say
from console.stack.supervisor import Options, Stack

_USAGE = "Usage: python -m console.stack run|demo   (environment: HOST, PORT, VAR, DATABASE_URL, REDIS_URL)"


def main(arguments: list[str]) -> int:
    """Run the stack until it is stopped, and return the exit code."""
    if arguments not in (["run"], ["demo"]):
        say(_USAGE)
        return 2
    if "MAKELEVEL" in os.environ:
        end_with_parent(signal.SIGTERM, parent=os.getppid())
    try:
        options = Options.of(os.environ)
    except StartError as error:
        say(str(error))
        return 2
    return Stack(options, standard_plan(options.var, is_demo=arguments == ["demo"]), os.environ).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
