"""Playing many games at once: a policy decides for all that still run, finished ones drop out. Knows no model."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from interlat.evaluation.conditions import Condition
from interlat.evaluation.environment import NOT_UNDERSTOOD, Environment, EnvironmentFactory, Game
from interlat.evaluation.episodes import EpisodeRecord
from interlat.evaluation.policies import Decision, Opening, Policy


@dataclass(frozen=True)
class Trial:
    """What all episodes of one pass over the games have in common; written into their records.

    Args:
        condition: what the actor is given.
        run: which repetition, from 0.
        seed: of this run.
    """

    condition: Condition = field(default_factory=Condition)
    run: int = 0
    seed: int = 0


def rollouts(
    games: Sequence[Game],
    policy: Policy,
    make_environment: EnvironmentFactory,
    batch_size: int = 16,
    trial: Trial | None = None,
) -> Iterator[EpisodeRecord]:
    """Play every game once.

    Args:
        games: to be played, ``batch_size`` of them side by side.
        policy: plays them.
        make_environment: loads a game; engine and step limit are its own.
        batch_size: slots of the policy.
        trial: goes into the records.

    Yields:
        Each episode when it ends: shorter ones of a batch come first.
    """
    for start in range(0, len(games), batch_size):
        episodes = [_Episode(game, make_environment(game)) for game in games[start : start + batch_size]]
        try:
            yield from _play(episodes, policy, trial or Trial())
        finally:
            for episode in episodes:
                episode.environment.close()


def _play(episodes: Sequence["_Episode"], policy: Policy, trial: Trial) -> Iterator[EpisodeRecord]:
    policy.start([episode.opening for episode in episodes])
    running = list(range(len(episodes)))
    while running:
        observations = [episodes[slot].observations[-1] for slot in running]
        admissible = [episodes[slot].admissible for slot in running]
        for slot, decision in zip(running, policy.act(running, observations, admissible), strict=True):
            episodes[slot].carry_out(decision)
            if episodes[slot].is_over:
                accounts = tuple(asdict(account) for account in policy.accounts(slot))
                yield episodes[slot].record(trial, policy.message_seconds(slot), accounts)
        running = [slot for slot in running if not episodes[slot].is_over]


class _Episode:
    """A game being played and what has happened in it so far."""

    def __init__(self, game: Game, environment: Environment) -> None:
        self.game = game
        self.environment = environment
        observation, info = environment.reset()
        self.observations = [observation]
        self.opening = Opening(game.game_id, str(game.task_type), info["task"], observation)
        self.admissible = info["admissible_commands"]
        self.actions: list[str] = []
        self.num_invalid = self.num_tokens = 0
        self.won = self.is_over = False

    def carry_out(self, decision: Decision) -> None:
        observation, _, self.won, truncated, info = self.environment.step(decision.action)
        self.is_over = self.won or truncated
        self.admissible = info["admissible_commands"]
        self.observations.append(observation)
        self.actions.append(decision.action)
        self.num_invalid += not decision.action or observation == NOT_UNDERSTOOD
        self.num_tokens += decision.num_tokens

    def record(self, trial: Trial, message_seconds: float, accounts: tuple[dict[str, Any], ...]) -> EpisodeRecord:
        return EpisodeRecord(
            game_id=self.game.game_id,
            task_type=str(self.game.task_type),
            message=trial.condition.message,
            length=trial.condition.length,
            control=trial.condition.control,
            run=trial.run,
            seed=trial.seed,
            won=self.won,
            steps=len(self.actions),
            observations=tuple(self.observations),
            actions=tuple(self.actions),
            invalid_actions=self.num_invalid,
            message_seconds=message_seconds,
            output_tokens=self.num_tokens,
            accounts=accounts,
        )
