"""``interlat-collect -c recipes/collect/….yaml``: record games and fill a latent store, without training anything."""

import sys
from collections.abc import Sequence

from interlat.cli.exit_codes import run_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Collect; 0 done, 1 failed, 2 wrong use. A collection that was stopped goes on where it ended."""
    return run_command("interlat-collect", lambda: _collect(arguments))


def _collect(arguments: Sequence[str] | None) -> None:
    from jsonargparse import ArgumentParser

    from interlat.agents.sender import SenderSettings
    from interlat.data.games import GameSource, Split
    from interlat.data.latent_store import LatentStore
    from interlat.training.preparation import ensure_latents, ensure_records

    parser = ArgumentParser(
        prog="interlat-collect", description="Record games and collect a sender's latent messages for them."
    )
    parser.add_argument("-c", "--config", action="config", help="recipe, e.g. recipes/collect/household.yaml")
    parser.add_argument("--games", type=GameSource, required=True, help="where games come from")
    parser.add_argument("--sender", type=SenderSettings, required=True, help="whose messages")
    parser.add_argument("--split", type=Split, default="train")
    parser.add_argument("--count", type=int | None, default=None, help="number of games; all if left out")
    parser.add_argument("--max_explore_steps", type=int, default=20, help="longest searching episode that is recorded")
    parser.add_argument("--batch_size", type=int, default=32, help="plans written at once")
    parser.add_argument("--cache", type=str, default="data", help="folder for what is made")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    settings = parser.instantiate(given)
    records = ensure_records(
        settings.games, settings.split, settings.count, settings.max_explore_steps, settings.seed, settings.cache
    )
    folder = ensure_latents(records, settings.sender, settings.cache, settings.batch_size, settings.seed)
    store = LatentStore(folder)
    lengths = [entry.length for entry in store.entries.values()]
    print(
        f"{folder}: {len(store)} messages, {sum(lengths) / len(lengths):.1f} latents of width {store.width} on average"
    )


if __name__ == "__main__":
    sys.exit(main())
