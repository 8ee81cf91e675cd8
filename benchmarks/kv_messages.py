"""What an actor makes of keys and values on household games: `python benchmarks/kv_messages.py CHECKPOINT [--episodes FOLDER]`.

    attention    share of it that falls on the message while the actor reads its own prompt, by layer, beside an even share
    first        cross-entropy in nats of the walkthrough's first command, and by how much the prediction differs from silence
    told         success where the actor's own prompt holds what the sender sees, and with the keys and values of a written plan
    said         of games in --episodes, those in which the actor answers with a plan, and whose plan it is

Prints JSON lines. The checkpoint is a run or a plain model whose sender sees the house.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from interlat.agents.actor import Actor
from interlat.agents.actor_opening import read_opening
from interlat.agents.kv_sender import KVSender
from interlat.agents.plain_model import is_plain_model
from interlat.agents.run_folder import read_stage
from interlat.agents.sender import ReasoningAgent, left_pad, recorded_sender
from interlat.cli.environments import environment_factory, games_of
from interlat.data.games import briefing
from interlat.evaluation.actor_policy import ActorPolicy, load_actor_policy
from interlat.evaluation.conditions import parse_conditions
from interlat.evaluation.episodes import EpisodeRecord, read_episodes
from interlat.evaluation.kv_source import KVSource
from interlat.evaluation.message_source import MessageSource, SenderSource, SenderView, Timed, derangement
from interlat.evaluation.rollouts import rollouts
from interlat.evaluation.settings import EvalSettings
from interlat.evaluation.statistics import wilson_interval
from interlat.losses import js_divergence, task_loss
from interlat.messages import TextMessage
from interlat.models.backbone import embed_tokens, token_logits
from interlat.models.cache import extend
from interlat.models.chat import encode
from interlat.models.decoding import Sampling
from interlat.models.kv import attention_mass

GREEDY = Sampling(max_new_tokens=64)
COMPARED = "kv:0,kv:8,kv:20,kv:20+cross-task,kv:20+zero,kv:20+permute,kv:20+untrained"


class ViewSource:
    """What the sender sees, as words in the place of its plan."""

    def make(self, views: Sequence[SenderView]) -> Timed:
        """The house of every game."""
        return Timed([TextMessage(view.house or "") for view in views], 0.0)


class Study:
    """One checkpoint and its games."""

    def __init__(self, checkpoint: Path, count: int) -> None:
        self.settings = EvalSettings(env="household", checkpoint=checkpoint, message="kv", games=count)
        self.games = games_of(self.settings)
        self.silent = self.policy("none")
        self.actor: Actor = self.silent.actor
        self.views = list(self.silent.views.values())
        lm, tokenizer = self.actor.lm, self.actor.tokenizer
        plain = is_plain_model(checkpoint)
        sender = ReasoningAgent(lm, tokenizer, GREEDY, "house") if plain else None
        self.sender = sender or recorded_sender(read_stage(checkpoint)["sender"])

    def policy(self, condition: str) -> ActorPolicy:
        """The checkpoint as it plays under a condition."""
        (of,) = parse_conditions(condition)
        checkpoint = self.settings.checkpoint
        assert checkpoint is not None
        return load_actor_policy(checkpoint, self.games, of.message, of.control, of.length, 0)

    def attention(self, steps: int) -> dict[str, Any]:
        """Where the actor looks while it reads its own prompt."""
        sender, talk = KVSender(self.actor.lm, self.actor.tokenizer, steps, "house"), self.actor.conversation
        messages = sender.think([sender.prompt_ids(view.opening, view.house) for view in self.views])
        prompts = [[*talk.head(view.opening), *talk.ask()] for view in self.views]
        ids, mask = left_pad(prompts, int(self.actor.tokenizer.pad_token_id), self.actor.device)
        mass = attention_mass(self.actor.lm, messages, embed_tokens(self.actor.lm, ids), mask)
        held = [len(message.entries) for message in messages]
        # A query that is the n-th of its prompt sees T entries of the message and n of its own.
        even = [t / (t + n) for t, own in zip(held, prompts, strict=True) for n in range(1, len(own) + 1)]
        size = sum(message.num_bytes for message in messages) / len(messages)
        shares = {"mass_by_layer": [round(float(each), 3) for each in mass], "even": round(sum(even) / len(even), 3)}
        return {"latent_steps": steps, "entries": sum(held) / len(held), "bytes": size, **shares}

    @torch.no_grad()
    def first(self, source: MessageSource) -> tuple[float, Tensor]:
        """Cross-entropy of the first right command, and the predictions it is of, [predictions, vocab]."""
        talk = self.actor.conversation
        commands = [briefing(game).walkthrough[0] for game in self.games]
        answers = [[*encode(self.actor.tokenizer, command), talk.end_id] for command in commands]
        state, latest, _ = read_opening(
            self.actor, [view.opening for view in self.views], source.make(self.views).messages
        )
        ids, mask = left_pad(answers, 0, self.actor.device)
        order = torch.argsort((~mask).long(), dim=1, stable=True)  # to the left end, so that each follows what was read
        ids, mask = ids.gather(1, order), mask.gather(1, order)
        states = extend(self.actor.lm, state, embed_tokens(self.actor.lm, ids), mask)
        logits = token_logits(self.actor.lm, torch.cat([latest[:, None], states[:, :-1]], dim=1))
        return float(task_loss(logits, ids, mask)), logits[mask]

    def play(self, source: MessageSource) -> dict[str, Any]:
        """Success with messages that no condition names."""
        policy = ActorPolicy(self.actor, source, self.silent.views, self.silent.sampling, 0)
        records = list(rollouts(self.games, policy, environment_factory(self.settings), 34))
        won = sum(record.won for record in records)
        return {"won": won, "games": len(records), "ci95": list(wilson_interval(won, len(records)))}

    def said(self, records: Sequence[EpisodeRecord]) -> dict[str, Any]:
        """In how many games a condition's actor answers with a plan, and whose the plans are."""
        made = SenderSource(self.sender, "text").make(self.views).messages
        plans = {
            view.opening: message.text
            for view, message in zip(self.views, made, strict=True)
            if isinstance(message, TextMessage)
        }
        partners = derangement([view.opening for view in self.views], 0)
        counts: dict[str, int] = defaultdict(int)
        for record in records:
            view = self.silent.views[record.game_id]
            answers = [action for action in record.actions if action.endswith(".")]
            counts["games"] += 1
            counts["with a plan"] += bool(answers)
            counts["its own game's plan"] += plans[view.opening] in answers
            counts["the other game's plan"] += plans[self.views[partners[view.opening]].opening] in answers
            counts["won"] += record.won
            counts["answers"] += len(record.actions)
            counts["answers that are plans"] += len(answers)
        return dict(counts)


def measure(study: Study, episodes: Sequence[EpisodeRecord]) -> Iterator[dict[str, Any]]:
    """All of it, a line at a time."""
    by_condition: dict[str, list[EpisodeRecord]] = defaultdict(list)
    for record in episodes:
        if record.game_id in study.silent.views:
            by_condition[record.condition].append(record)
    for name, records in by_condition.items():
        yield {"said": name, **study.said(records)}
    for steps in (0, 20):
        yield {"attention": f"kv:{steps}", **study.attention(steps)}
    lm, tokenizer = study.actor.lm, study.actor.tokenizer
    told: dict[str, MessageSource] = {
        "house": ViewSource(),
        "kv plan": KVSource(KVSender(lm, tokenizer, 0, "house"), plans=GREEDY),
    }
    names = [*COMPARED.split(","), *(("latent", "latent+cross-task") if study.actor.reads_latents else ())]
    sources = {
        "text": SenderSource(study.sender, "text"),
        **{name: study.policy(name).source for name in names},
        **told,
    }
    silent, at_silence = study.first(study.silent.source)
    yield {"first": "none", "nats": round(silent, 3), "js_to_silence": 0.0}
    for name, source in sources.items():
        loss, logits = study.first(source)
        js = float(js_divergence(logits, at_silence).mean())
        yield {"first": name, "nats": round(loss, 3), "js_to_silence": round(js, 4)}
    for name, source in told.items():
        yield {"told": name, **study.play(source)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What an actor makes of keys and values on household games.")
    parser.add_argument("checkpoint", type=Path, help="run folder or plain model")
    parser.add_argument("--games", type=int, default=134, help="unseen games")
    parser.add_argument("--episodes", type=Path, help="folder of interlat-eval on the same games")
    options = parser.parse_args()
    console = Console(soft_wrap=True, highlight=False)
    episodes = [] if options.episodes is None else read_episodes(options.episodes)
    for line in measure(Study(options.checkpoint, options.games), episodes):
        console.print(json.dumps(line), markup=False)


if __name__ == "__main__":
    main()
