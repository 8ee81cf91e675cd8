"""``interlat-ablate --lengths full,16,8,4,2``: how success and message time change with the length of the message."""

import filecmp
import json
import os
import shlex
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from interlat.cli.exit_codes import run_command
from interlat.errors import InvalidSetting
from interlat.evaluation.length_sweep import SweptLength
from interlat.evaluation.settings import EvalSettings

USAGE = "interlat-ablate --lengths full,90%%,50%%,128,64,32,16,8,0 --checkpoint DIR [--trained DIR,DIR] [flags of interlat-eval]"
DESCRIPTION = """\
Plays the same games with messages of several lengths, times how long they take to make, and draws both against length.
full: the whole message; 50%: its first half; 8: its first 8 latents (trained, if DIR's own compressor says 8); 0: silence.
Writes lengths.md, lengths.json and lengths.png beside the evaluation of --checkpoint; all else is where interlat-eval has it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Sweep lengths; 0 done, 1 failed, 2 wrong use."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    # Set before torch starts its threads: spinning threads make a shared machine several times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return run_command("interlat-ablate", lambda: _sweep(arguments))


def build_parser() -> ArgumentParser:
    """The flags that interlat-eval has not, and those that differ from run to run."""
    parser = ArgumentParser(
        prog="interlat-ablate",
        usage=USAGE,
        description=DESCRIPTION,
        epilog="and of interlat-eval: --env --split --games --max-steps --engine --runs --seed --batch-size --dtype --resume\n\n"
        "exit codes: 0 done, 1 failed, 2 wrong use",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--lengths", required=True, metavar="LIST", help="to play; the first is what others are compared with"
    )
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="DIR", help="run whose messages are cut")
    parser.add_argument(
        "--trained", default="", metavar="DIR,DIR", help="stage 2 runs, each adds the length it was trained to say"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="for everything (default: in each run folder)")
    parser.add_argument(
        "--repeats", type=int, default=10, metavar="N", help="timed batches, after 2 that are not counted (10)"
    )
    return parser


def _sweep(arguments: list[str]) -> None:
    parser = build_parser()
    asked, rest = parser.parse_known_args(arguments)
    if any(argument.partition("=")[0] == "--conditions" for argument in rest):
        raise InvalidSetting("--lengths names what is played; leave out --conditions")
    if asked.repeats < 1:
        raise InvalidSetting(f"--repeats must be at least 1, got {asked.repeats}")
    lengths = _lengths(asked.lengths, asked.checkpoint, [Path(part) for part in asked.trained.split(",") if part])
    commands = {of.checkpoint: _command(of.checkpoint, lengths, asked.checkpoint, asked.out, rest) for of in lengths}
    settings = {checkpoint: _settings(command) for checkpoint, command in commands.items()}
    for checkpoint, command in commands.items():
        _play(command, settings[checkpoint])
    _write(lengths, settings, asked.repeats, shlex.join(["interlat-ablate", *arguments]))


def _lengths(written: str, checkpoint: Path, trained: Sequence[Path]) -> list[SweptLength]:
    from interlat.agents.run_folder import read_stage
    from interlat.errors import CheckpointMismatch
    from interlat.evaluation.length_sweep import swept_lengths

    stage = read_stage(checkpoint)
    compressors: dict[int, Path] = {}
    for folder in trained:
        found = read_stage(folder, "compression")
        said = int(found["compressor"]["num_latents"])
        if found["sender"] != stage["sender"]:
            raise CheckpointMismatch(
                f"'{folder}' was trained with another sender than '{checkpoint}'; give runs of one sender"
            )
        if not _same_actor(checkpoint, folder):
            raise CheckpointMismatch(
                f"'{folder}' was trained for another actor than '{checkpoint}' has; give stage 2 runs of this very stage 1"
            )
        if said in compressors:
            raise InvalidSetting(
                f"--trained names two runs that say {said} latents, '{compressors[said]}' and '{folder}'"
            )
        compressors[said] = folder
    return swept_lengths(written, checkpoint, stage.get("compressor", {}).get("num_latents"), compressors)


def _same_actor(folder: Path, other: Path) -> bool:
    """Whether two runs hold the same adapter, or, where they have none, the same weights of the actor."""
    names = ["adapter.safetensors"]
    if not (folder / names[0]).exists() and not (other / names[0]).exists():
        names = [path.relative_to(folder).as_posix() for path in sorted((folder / "actor").glob("*.safetensors"))]
    _, *unequal = filecmp.cmpfiles(folder, other, names)  # differing, and missing or unreadable
    return not any(unequal)


def _command(
    checkpoint: Path, lengths: Sequence[SweptLength], first: Path, out: Path | None, rest: list[str]
) -> list[str]:
    """Arguments of interlat-eval that play one run's lengths."""
    played = [of.condition for of in lengths if of.checkpoint == checkpoint]
    # A folder of episodes holds one run.
    folder = out if out is None or checkpoint == first else out / played[0].replace("latent:", "trained-")
    place = [] if folder is None else ["--out", str(folder)]
    return ["--checkpoint", str(checkpoint), *rest, "--conditions", ",".join(played), *place]


def _settings(command: Sequence[str]) -> EvalSettings:
    from interlat.cli.evaluate import build_parser as eval_parser

    return EvalSettings(**eval_parser().parse_args(list(command)).as_dict())


def _play(command: list[str], settings: EvalSettings) -> None:
    """Evaluate a run, unless all of it is there: results then keep the command and commit that made them."""
    from interlat.cli.environments import games_of
    from interlat.cli.evaluate import evaluate_command
    from interlat.evaluation.episodes import EpisodeStore
    from interlat.evaluation.results import RESULTS_FILE

    folder = _folder(settings)
    if settings.resume and (folder / RESULTS_FILE).exists():
        played = EpisodeStore(folder, settings.identity(), resume=True).keys
        games = [game.game_id for game in games_of(settings)]
        wanted = {(of.name, run, game) for of in settings.compared for run in range(settings.runs) for game in games}
        if wanted <= played:
            print(f"All played: {folder}")
            return
    evaluate_command(command)


def _write(lengths: Sequence[SweptLength], settings: Mapping[Path, EvalSettings], repeats: int, command: str) -> None:
    from interlat.cli.message_times import measured_times
    from interlat.evaluation.episodes import read_episodes
    from interlat.evaluation.length_chart import draw_lengths
    from interlat.evaluation.length_sweep import lengths_content, lengths_markdown, results_of_lengths
    from interlat.evaluation.message_time import machine
    from interlat.evaluation.provenance import commit
    from interlat.evaluation.summary import by_condition

    groups = {checkpoint: by_condition(read_episodes(_folder(of))) for checkpoint, of in settings.items()}
    played = {length: groups[length.checkpoint][length.condition] for length in lengths}
    results = results_of_lengths(played, measured_times(lengths, settings, repeats))
    first = settings[lengths[0].checkpoint]
    folder, where = _folder(first), machine()
    title = f"Message length: {first.env} {first.split}, at most {first.max_steps} steps"
    about = {
        "protocol_version": first.identity()["protocol_version"],
        "command": command,
        "commit": commit(),
        "machine": where,
    }
    games = {"env": first.env, "split": first.split, "step_cap": first.max_steps, "seeds": list(first.seeds)}
    content: dict[str, Any] = {**about, **games, "repeats": repeats, "rows": lengths_content(results)}
    (folder / "lengths.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (folder / "lengths.md").write_text(lengths_markdown(title, results, where), encoding="utf-8")
    draw_lengths(results, folder / "lengths.png")
    print(f"Written in {folder}: lengths.md, lengths.json, lengths.png")


def _folder(settings: EvalSettings) -> Path:
    assert settings.folder is not None  # it has a checkpoint
    return settings.folder


if __name__ == "__main__":
    sys.exit(main())
