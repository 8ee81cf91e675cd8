"""Make what a recipe needs and the machine lacks, once: recorded games and latents; knows nothing of stages."""

from dataclasses import asdict
from pathlib import Path

import torch
from rich.progress import Progress

from interlat.agents.sender import SenderSettings, build_sender, provenance, weights_fingerprint
from interlat.data.cache import content_folder
from interlat.data.collect import Collection, collect
from interlat.data.games import GameSource, Split
from interlat.data.latent_store import LatentStore, LatentStoreWriter
from interlat.data.trajectories import load_records, save_records

STORE_VERSION = 5  # raised when collection changes
RECORDS_VERSION = 5  # raised when recording changes, so that cached records are made anew


def ensure_records(
    games: GameSource, split: Split, count: int | None, max_explore_steps: int, seed: int, cache: str
) -> Path:
    """The file of recorded games with these settings, made if absent."""
    settings: dict[str, object] = {
        **games.identity(),
        "split": split,
        "count": count,
        "max_explore_steps": max_explore_steps,
        "record_seed": seed,
        "version": RECORDS_VERSION,
    }
    path = content_folder(cache, "records", settings) / f"{split}.jsonl"
    if not path.is_file():
        chosen = games.games(split, count)
        records = games.record(chosen, max_explore_steps, seed)
        with Progress(transient=True) as progress:
            recorded = progress.track(records, len(chosen), description=f"recording {split} games")
            save_records(recorded, path)
    return path


def ensure_latents(records: Path, settings: SenderSettings, cache: str, batch_size: int, seed: int) -> Path:
    """The latent store of these games from this sender, filled where it is not; goes on where an earlier run was stopped."""
    tasks = load_records(records)
    identity: dict[str, object] = {
        "records": records.parent.name,
        **asdict(settings),
        "seed": seed,
        "version": STORE_VERSION,
    }
    folder = content_folder(cache, "latents", {**identity, "weights": weights_fingerprint(settings.model)})
    if (folder / "index.json").is_file():
        store = LatentStore(folder)
        if all(task.game_id in store for task in tasks):
            return folder
    sender = build_sender(settings)
    if torch.cuda.is_available():
        sender.lm.to("cuda")
    writer = LatentStoreWriter(folder, provenance(settings, sender, seed))
    how = Collection(settings.view, settings.plans, batch_size, seed)
    with Progress() as progress:
        shown = progress.add_task("collecting latents", total=len(tasks))
        for done in collect(tasks, sender, how, writer):
            progress.update(shown, completed=done)
    return folder
