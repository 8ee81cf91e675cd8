"""Writes a plan in words from a walkthrough, for senders too small to make one up; knows nothing of models.

In ``view: house`` the writer may say where things are, because the sender sees it. In ``view: task`` it names kinds of
things only, because the sender cannot know more.
"""

import random
import re
from collections.abc import Sequence
from typing import Literal

# {0} the object, {1} where it is, has to go, or what does it. Walking and opening are left to whoever reads the plan.
_DEEDS: dict[str, tuple[str, ...]] = {
    "take": ("Take {0} from {1}.", "Get {0} from {1}.", "Pick up {0} from {1}."),
    "move": ("Move {0} to {1}.", "Bring {0} to {1}.", "Put {0} in {1}."),
    "clean": ("Clean {0} with {1}.", "Wash {0} with {1}."),
    "heat": ("Heat {0} with {1}.", "Warm {0} with {1}."),
    "cool": ("Cool {0} with {1}.", "Chill {0} with {1}."),
    "use": ("Use {0} at {1}.", "Turn on {0} at {1}."),
}
_COMMAND = re.compile(r"(take|move|clean|heat|cool) (.+?) (?:from|to|with) (.+)")


def write_plan(
    walkthrough: Sequence[str], view: Literal["task", "house", "problem"], seed: int | str = 0, *, varied: bool = True
) -> str:
    """One sentence for every deed of the walkthrough, in one of several wordings; a problem's plan as it stands.

    Args:
        walkthrough: the commands that solve the game; in ``view: problem``, the sentences of the plan.
        view: what the sender sees.
        seed: chooses the wording.
        varied: False takes the first wording of each deed, whatever the seed.
    """
    if view == "problem":
        return " ".join(walkthrough)
    rng = random.Random(seed)
    sentences, place = [], ""

    def sentence(deed: str, thing: str, other: str) -> str:
        wording = rng.choice(_DEEDS[deed]) if varied else _DEEDS[deed][0]
        return wording.format(thing, other)

    for command in walkthrough:
        deed = _COMMAND.fullmatch(command)
        if command.startswith("go to "):
            place = command.removeprefix("go to ")
        elif deed is not None:
            sentences.append(sentence(*deed.groups()))
        elif command.startswith("use "):
            sentences.append(sentence("use", command.removeprefix("use "), place))
    plan = " ".join(sentences)
    return plan if view == "house" else re.sub(r" \d+\b", "", plan)
