"""``interlat-ablate --lengths full,16,8,4,2``: how success and message time change with the length of the message."""

import os
import sys
from collections.abc import Sequence

from interlat.cli.exit_codes import run_command
from interlat.errors import InvalidSetting

USAGE = """usage: interlat-ablate --lengths full,128,64,32,16,8,0 --checkpoint DIR [any flag of interlat-eval]

Plays the same games with messages of several lengths; shows the table and draws success and message time against length.
A length the run was trained to say comes from its compressor, any other from cutting the full message; 0 is silence.
Results go where interlat-eval puts them, with lengths.png beside them.

exit codes: 0 done, 1 failed, 2 wrong use
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Sweep lengths; 0 done, 1 failed, 2 wrong use."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if not arguments or {"-h", "--help"} & set(arguments):
        print(USAGE, end="")
        return 0 if arguments else 2
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return run_command("interlat-ablate", lambda: _sweep(arguments))


def condition_of(length: str) -> str:
    """The condition a length stands for.

    Raises:
        InvalidSetting: if it is neither ``full`` nor a whole number.
    """
    if length == "full":
        return "latent"
    if not length.isdigit():
        raise InvalidSetting(
            f"a length is 'full' or a whole number of latents, got {length!r}; write --lengths full,16,8,0"
        )
    return f"latent:{length}" if int(length) else "none"


def _sweep(arguments: list[str]) -> None:
    lengths, rest = _take_lengths(arguments)
    conditions = [condition_of(length) for length in lengths]
    if "--conditions" in rest:
        raise InvalidSetting("--lengths names the conditions; leave out --conditions")
    from interlat.cli.evaluate import build_parser, evaluate_command
    from interlat.evaluation.episodes import read_episodes
    from interlat.evaluation.length_chart import draw_lengths
    from interlat.evaluation.settings import EvalSettings
    from interlat.evaluation.summary import by_condition, measure

    asked = [*rest, "--conditions", ",".join(conditions)]
    evaluate_command(asked)
    folder = EvalSettings(**build_parser().parse_args(asked).as_dict()).folder
    if folder is None:
        raise InvalidSetting(
            "interlat-ablate compares messages to a trained actor; name its run folder with --checkpoint"
        )
    groups = by_condition(read_episodes(folder))
    draw_lengths(
        {length: measure(groups[condition]) for length, condition in zip(lengths, conditions, strict=True)},
        folder / "lengths.png",
    )
    print(f"Drawn in {folder / 'lengths.png'}")


def _take_lengths(arguments: list[str]) -> tuple[list[str], list[str]]:
    for number, argument in enumerate(arguments):
        if argument == "--lengths" and number + 1 < len(arguments):
            return arguments[number + 1].split(","), arguments[:number] + arguments[number + 2 :]
        if argument.startswith("--lengths="):
            return argument.partition("=")[2].split(","), arguments[:number] + arguments[number + 1 :]
    raise InvalidSetting("wanted --lengths, such as --lengths full,16,8,4,2,0")


if __name__ == "__main__":
    sys.exit(main())
