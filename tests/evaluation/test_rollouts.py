"""Which calls reach the policy and the games, and what is kept of an episode."""

from collections.abc import Sequence

import pytest

from interlat.agents.account import AgentAccount
from interlat.evaluation.conditions import Condition
from interlat.evaluation.policies import Decision, Opening, ScriptedPolicy, random_policy, walkthrough_policy
from interlat.evaluation.rollouts import Trial, rollouts


class Taped:
    """Says "east" and keeps what it was asked."""

    def __init__(self, answers: dict[int, Decision] | None = None) -> None:
        self.answers = answers or {}
        self.openings: list[list[Opening]] = []
        self.asked: list[tuple[list[int], list[str]]] = []

    def start(self, openings: Sequence[Opening]) -> None:
        self.openings.append(list(openings))

    def act(
        self, slots: Sequence[int], observations: Sequence[str], admissible: Sequence[Sequence[str]]
    ) -> list[Decision]:
        assert all(list(commands) == ["east", "wait"] for commands in admissible)
        self.asked.append((list(slots), list(observations)))
        return [self.answers.get(slot, Decision("I go east", "east", 3)) for slot in slots]

    def message_seconds(self, slot: int) -> float:
        return 0.5 + slot

    def accounts(self, slot: int) -> tuple[AgentAccount, ...]:
        return (AgentAccount("taped", output_tokens=slot),)


def test_finished_slots_drop_out(corridor, corridor_env):
    policy = Taped()
    games = [corridor("three", 3), corridor("one", 1), corridor("two", 2)]
    records = list(rollouts(games, policy, corridor_env, batch_size=3))
    assert policy.openings == [
        [
            Opening(game.game_id, "walk", "walk east.", f"{game.doors} doors. Your task is to: walk east.")
            for game in games
        ]
    ]
    assert policy.asked == [
        ([0, 1, 2], [opening.observation for opening in policy.openings[0]]),
        ([0, 2], ["Door 1.", "Door 1."]),
        ([0], ["Door 2."]),
    ]
    assert [(record.game_id, record.steps, record.message_seconds) for record in records] == [
        ("one", 1, 1.5),
        ("two", 2, 2.5),
        ("three", 3, 0.5),
    ]


def test_a_record_holds_the_whole_episode(corridor, corridor_env):
    trial = Trial(Condition("latent", 8, "permute"), run=2, seed=12)
    (record,) = rollouts([corridor("two", 2)], Taped(), corridor_env, trial=trial)
    assert record.observations == ("2 doors. Your task is to: walk east.", "Door 1.", "Door 2.")
    assert record.actions == ("east", "east")
    assert (record.won, record.steps, record.invalid_actions, record.output_tokens) == (True, 2, 0, 6)
    assert record.key == ("latent:8+permute", 2, "two")
    assert record.seed == 12
    assert [(account["agent"], account["output_tokens"]) for account in record.accounts] == [("taped", 0)]


@pytest.mark.parametrize(("action", "num_invalid"), [("", 4), ("fly", 4), ("wait", 0)])
def test_the_step_cap_ends_an_episode(corridor, corridor_env, action, num_invalid):
    (record,) = rollouts([corridor("one", 1)], Taped({0: Decision("?", action, 1)}), corridor_env)
    assert (record.won, record.steps, record.invalid_actions) == (False, 4, num_invalid)


def test_every_batch_starts_anew(corridor, corridor_env):
    policy = Taped()
    games = [corridor(str(number), 1) for number in range(5)]
    assert [record.game_id for record in rollouts(games, policy, corridor_env, batch_size=2)] == list("01234")
    assert [len(batch) for batch in policy.openings] == [2, 2, 1]
    assert [slots for slots, _ in policy.asked] == [[0, 1], [0, 1], [0]]


def test_games_are_closed_also_when_nobody_wants_the_rest(corridor, corridor_env):
    made = []

    def make(game):
        made.append(corridor_env(game))
        return made[-1]

    episodes = rollouts([corridor("one", 1), corridor("two", 2)], Taped(), make, batch_size=2)
    assert next(episodes).game_id == "one"
    episodes.close()
    assert [environment.tape for environment in made] == [["reset", "east", "close"], ["reset", "close"]]


def test_a_policy_that_answers_for_too_few_slots_is_an_error(corridor, corridor_env):
    class Silent(Taped):
        def act(self, slots, observations, admissible):
            return []

    with pytest.raises(ValueError, match="shorter"):
        list(rollouts([corridor("one", 1)], Silent(), corridor_env))


def test_random_draws_depend_on_seed_and_game_alone(corridor, corridor_env):
    games = [corridor(str(number), 9) for number in range(8)]

    def actions(seed, batch_size):
        records = rollouts(games, random_policy(seed), corridor_env, batch_size)
        return {record.game_id: record.actions for record in records}

    assert actions(0, 1) == actions(0, 8)
    assert actions(0, 8) != actions(1, 8)
    assert len(set(actions(0, 8).values())) > 1


def test_a_walkthrough_is_followed_and_then_looks(corridor, corridor_env):
    policy = walkthrough_policy({"a": ["wait", "east"]}.__getitem__)
    (record,) = rollouts([corridor("a", 2)], policy, corridor_env)
    assert record.actions == ("wait", "east", "look", "look")


def test_a_scripted_policy_gives_each_slot_its_own_script(corridor, corridor_env):
    def make_script(opening):
        command = "east" if opening.game_id == "a" else "wait"
        return lambda observation, admissible: command

    won = {
        r.game_id: r.won
        for r in rollouts([corridor("a", 1), corridor("b", 1)], ScriptedPolicy(make_script), corridor_env)
    }
    assert won == {"a": True, "b": False}
