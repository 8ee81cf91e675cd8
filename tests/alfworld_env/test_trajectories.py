import pytest

from alfworld_env import AlfworldEnv, household_games, record_expert, record_walkthrough
from alfworld_env.wording import BANNER, TASK_PREFIX

LEADS = ("Next: ", "Now I ", "The next step is to ", "I ")


@pytest.mark.parametrize(("record", "source"), [(record_walkthrough, "walkthrough"), (record_expert, "expert")])
def test_a_recording_replays(record, source):
    for game in household_games("seen", 12):
        played = record(game)
        env = AlfworldEnv(game)
        opening, info = env.reset()
        assert opening == f"{BANNER}\n\n{played.opening}"
        won = False
        for turn in played.turns:
            observation, _, won, _, _ = env.step(turn.action)
            assert observation == turn.observation
        assert played.won
        assert won
        assert (played.source, played.task) == (source, info["task"])
        assert (played.game_id, played.split, played.task_type) == (game.game_id, "seen", game.task_type)


@pytest.mark.parametrize("record", [record_walkthrough, record_expert])
def test_openings_begin_in_the_room_and_end_with_the_task(record):
    for game in household_games("train", 12):
        opening = record(game).opening
        assert opening.startswith("You are in the middle of a room.")
        assert opening.endswith(f"{TASK_PREFIX}{game.load().task}")


def test_walkthrough_thoughts_state_the_command_and_nothing_else():
    """A walkthrough knows where things are before it has looked; a reason would give that away."""
    leads = set()
    for game in household_games("train", 30):
        played = record_walkthrough(game)
        assert tuple(turn.action for turn in played.turns) == game.load().walkthrough
        for turn in played.turns:
            lead = turn.thought.removesuffix(f"{turn.action}.")
            assert lead in LEADS, turn
            leads.add(lead)
    assert leads == set(LEADS)


@pytest.mark.parametrize("record", [record_walkthrough, record_expert])
def test_a_seed_decides(record):
    game = household_games("unseen", 6)[5]
    assert record(game, seed=3) == record(game, seed=3)
    assert len({record(game, seed=seed).turns for seed in range(5)}) == 5


def test_the_step_limit_ends_a_recording_unwon():
    game = household_games("train", 1)[0]
    whole = record_expert(game)
    cut = record_expert(game, max_steps=len(whole.turns) - 1)
    assert cut.turns == whole.turns[:-1]
    assert not cut.won


@pytest.mark.alfworld
def test_alfworld_s_games_are_recorded_alike(real_games):
    game = real_games("unseen")[0]
    played = record_walkthrough(game)
    assert played.won
    assert not played.opening.startswith("-=")
    assert (played.game_id, played.split, played.task_type) == (game.game_id, "unseen", "look_at_obj_in_light")
