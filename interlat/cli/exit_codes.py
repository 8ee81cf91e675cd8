"""How a command ends: 0 done, 1 failed, 2 wrong use, 130 interrupted. Knows no command."""

import sys
from collections.abc import Callable

from alfworld_env.errors import AlfworldEnvError
from interlat.errors import InterlatError, InvalidSetting


def run_command(program: str, work: Callable[[], object]) -> int:
    """Do a command's work and give its exit code.

    Errors raised on purpose become one paragraph on stderr: they say what to do, a traceback does not. Any other is a
    defect and keeps its traceback (Python then exits with 1). Parsers exit with 2 by themselves.

    Args:
        program: name of the command.
        work: what it does.
    """
    try:
        work()
    except InvalidSetting as error:
        return _say(program, f"{error} (see {program} --help)", 2)
    except (InterlatError, AlfworldEnvError) as error:
        return _say(program, str(error), 1)
    except KeyboardInterrupt:
        return _say(program, "interrupted", 130)
    return 0


def _say(program: str, text: str, code: int) -> int:
    print(f"{program}: {text}", file=sys.stderr)
    return code
