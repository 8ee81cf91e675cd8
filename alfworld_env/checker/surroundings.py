"""What playing must leave alone: the process around an environment; knows no environment."""

import os
import random
import sys
from typing import Any

from alfworld_env.checker.answers import require


def surroundings() -> dict[str, Any]:
    """What there is now of all that belongs to the caller, by what a person would call it."""
    found = {
        "sys.argv": list(sys.argv),
        "sys.stdout and sys.stderr": (sys.stdout, sys.stderr),
        "os.environ": dict(os.environ),
        "the working folder": os.getcwd(),
        "Python's global random state": random.getstate(),
    }
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        name, keys, *rest = numpy.random.get_state(legacy=True)
        found["NumPy's global random state"] = (name, keys.tobytes(), *rest)
    return found


def check_surroundings(before: dict[str, Any]) -> None:
    """Raise ContractBroken if playing changed anything of what `surroundings` gave before."""
    now = surroundings()
    changed = [name for name, value in before.items() if now[name] != value]
    require(not changed, f"playing to leave {', '.join(changed)} as it was; keep state of your own instead")
