"""Speed and memory of the environment, native beside TextWorld: `python benchmarks/env.py --out FILE.json`.

Both engines play the same commands of the same games, taking turns game by game in one run, so that whatever else the
machine does falls on both. Seconds are of the process (CPU) unless they say "wall". Needs ALFWORLD_DATA; TextWorld's
columns need the `alfworld` extra. Knows no model.
"""

import argparse
import json
import platform
import random
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from alfworld_env import AlfworldEnv, Game, VectorAlfworldEnv, list_games
from alfworld_env.env import EngineName

NUM_STEPS = 50
NUM_ENVS = (1, 2, 8, 64)
NUM_RESAMPLES = 2000


@dataclass(frozen=True)
class Episode:
    """What one engine took for one game: loading and first reset together, then all steps."""

    load_seconds: float
    step_seconds: float
    num_steps: int


def random_commands(game: Game, seed: int) -> list[str]:
    """A random walk of admissible commands, of at most `NUM_STEPS`."""
    env, rng, commands = AlfworldEnv(game, max_steps=NUM_STEPS), random.Random(f"{seed}/{game.game_id}"), []
    _, info = env.reset()
    done = False
    while not done:
        commands.append(rng.choice(info["admissible_commands"]))
        _, _, terminated, truncated, info = env.step(commands[-1])
        done = terminated or truncated
    return commands


def play(game: Game, engine: EngineName, commands: Sequence[str]) -> Episode:
    """One game from its file to the last command."""
    began = time.process_time()
    env = AlfworldEnv(game, engine, NUM_STEPS)
    env.reset()
    ready = time.process_time()
    for command in commands:
        env.step(command)
    ended = time.process_time()
    env.close()
    return Episode(ready - began, ended - ready, len(commands))


def steps_per_second(episodes: Sequence[Episode], loading: bool) -> float:
    """Steps per second of CPU over all episodes, loading and reset counted or not."""
    seconds = sum(episode.step_seconds + loading * episode.load_seconds for episode in episodes)
    return sum(episode.num_steps for episode in episodes) / seconds


def ratio_with_interval(
    native: Sequence[Episode], reference: Sequence[Episode], seed: int
) -> tuple[float, float, float]:
    """How many times faster native is, loading counted, and the 95 % bootstrap interval over the games."""
    rng = random.Random(seed)

    def ratio(rows: Sequence[int]) -> float:
        ours, theirs = [native[row] for row in rows], [reference[row] for row in rows]
        return steps_per_second(ours, loading=True) / steps_per_second(theirs, loading=True)

    drawn = sorted(ratio(rng.choices(range(len(native)), k=len(native))) for _ in range(NUM_RESAMPLES))
    return ratio(range(len(native))), drawn[int(0.025 * NUM_RESAMPLES)], drawn[int(0.975 * NUM_RESAMPLES)]


def load_and_reset(games: Sequence[Game]) -> float:
    """Wall seconds to list nothing, load every game and reset it once."""
    began = time.perf_counter()
    for game in games:
        AlfworldEnv(game).reset()
    return time.perf_counter() - began


def kilobytes_an_env(games: Sequence[Game]) -> float:
    """Python memory that a native environment holds after ten steps, mean over the games, in kB."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    envs = [AlfworldEnv(game) for game in games]
    for env in envs:
        _, info = env.reset()
        for number in range(10):
            *_, info = env.step(info["admissible_commands"][7 * number % len(info["admissible_commands"])])
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return held / len(envs) / 1000


def vector_steps_per_second(games: Sequence[Game], num_envs: int, num_processes: int, seed: int) -> float:
    """Steps per wall second of a vector environment that plays all games through, loading counted."""
    began = time.perf_counter()
    rng, num_steps = random.Random(seed), 0
    with VectorAlfworldEnv(games, num_envs, max_steps=NUM_STEPS, num_processes=num_processes) as env:
        _, infos = env.reset()
        while not all(env.finished):
            num_steps += env.finished.count(False)
            *_, infos = env.step([rng.choice(info["admissible_commands"]) for info in infos])
    return num_steps / (time.perf_counter() - began)


def engines_table(results: dict[str, list[Episode]]) -> Table:
    """One row an engine."""
    table = Table("engine", "load + reset, ms a game", "step, ms", "steps/s, loading counted", "games")
    for name, episodes in results.items():
        load = 1000 * sum(episode.load_seconds for episode in episodes) / len(episodes)
        step = 1000 / steps_per_second(episodes, loading=False)
        rate = steps_per_second(episodes, loading=True)
        table.add_row(name, f"{load:,.2f}", f"{step:,.4f}", f"{rate:,.1f}", str(len(episodes)))
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Speed and memory of the ALFWorld environment.")
    parser.add_argument("--split", default="unseen", choices=("train", "seen", "unseen"))
    parser.add_argument("--textworld-games", type=int, default=12, help="games that TextWorld plays too, 8 s each")
    parser.add_argument("--processes", type=int, default=2, help="of the vector environment's second row")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    options = parser.parse_args()
    console = Console()
    games = list_games(options.split)
    commands = {game.game_id: random_commands(game, options.seed) for game in games}
    everything = [play(game, "native", commands[game.game_id]) for game in games]
    report: dict[str, object] = {
        "python": platform.python_version(),
        "processor": platform.processor() or platform.machine(),
        "load_and_reset_all_wall_seconds": min(load_and_reset(games) for _ in range(3)),
        "kilobytes_an_env": kilobytes_an_env(games),
        "native_all_games_steps_per_second": steps_per_second(everything, loading=True),
    }
    results = {f"native, all {options.split} games": everything}
    drawn = random.Random(options.seed).sample(games, min(options.textworld_games, len(games)))
    if drawn:
        paired: dict[EngineName, list[Episode]] = {"native": [], "textworld": []}
        play(games[0], "textworld", ["look"])  # imports and library start are not counted
        for game in track(drawn, description="both engines", console=Console(stderr=True)):
            for engine, episodes in paired.items():
                episodes.append(play(game, engine, commands[game.game_id]))
        ratio, low, high = ratio_with_interval(paired["native"], paired["textworld"], options.seed)
        results |= {f"{engine}, paired": episodes for engine, episodes in paired.items()}
        report["textworld"], report["times_faster"] = metadata.version("textworld"), [ratio, low, high]
        report["paired"] = {engine: [asdict(episode) for episode in episodes] for engine, episodes in paired.items()}
    console.print(engines_table(results))
    if drawn:
        console.print(f"native is {ratio:,.0f} times faster, loading counted [{low:,.0f}, {high:,.0f}]")
    console.print(f"all {len(games)} games loaded and reset: {report['load_and_reset_all_wall_seconds']:.2f} s (wall)")
    console.print(f"memory: {report['kilobytes_an_env']:.0f} kB an environment")
    vector = Table("environments", *map(str, NUM_ENVS), title="vector environment, steps per wall second")
    rates: dict[str, list[float]] = {}
    for name, num_processes in (("in this process", 0), (f"{options.processes} processes", options.processes)):
        rates[name] = [vector_steps_per_second(games, n, num_processes, options.seed) for n in NUM_ENVS]
        vector.add_row(name, *(f"{rate:,.0f}" for rate in rates[name]))
    console.print(vector)
    report["vector_steps_per_wall_second"] = {"num_envs": NUM_ENVS, **rates}
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
