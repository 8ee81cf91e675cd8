import copy
import json
import logging

import pytest

from alfworld_env import AlfworldEnv, GameDataNotFound, Turn
from alfworld_env.eto import ETO, ETO_FILE, read_entry, read_eto
from alfworld_env.trajectory_file import InvalidTrajectory

OPENING = (
    "You are in the middle of a room. Looking quickly around you, you see a cabinet 1, a desk 1, and a sinkbasin 1.\n\n"
    "Your task is to: put a clean mug in cabinet."
)
TASK_FOLDER = "pick_clean_then_place_in_recep-Mug-None-Cabinet-10"
ENTRY = {
    "id": "alfworld_7",
    "game_file": f"json_2.1.1/train/{TASK_FOLDER}/trial_T20190907_061429_204540/game.tw-pddl",
    "conversations": [
        {"from": "human", "value": "Interact with a household to solve a task. …"},
        {"from": "gpt", "value": "OK"},
        {"from": "human", "value": OPENING},
        {"from": "gpt", "value": "Thought: A mug may be on the desk.\nI go there.\nAction: go to desk 1"},
        {"from": "human", "value": "Observation: On the desk 1, you see a mug 2, and a pen 1."},
        {"from": "gpt", "value": "Thought: I take it.\nAction: take mug 2 from desk 1"},
        {"from": "human", "value": "Observation: You pick up the mug 2 from the desk 1."},
        {"from": "gpt", "value": "Thought: To the sink.\nAction: go to sinkbasin 1"},
        {"from": "human", "value": "Observation: You arrive at loc 5. On the sinkbasin 1, you see nothing."},
        {"from": "gpt", "value": "Thought: Clean.\nAction: clean mug 2 with sinkbasin 1"},
        {"from": "human", "value": "Observation: You clean the mug 2 using the sinkbasin 1."},
        {"from": "gpt", "value": "Action: put mug 2 in/on cabinet 1"},
        {"from": "human", "value": "Observation: Nothing happens."},
        {"from": "gpt", "value": "Thought: I am not there.\nAction: go to cabinet 1"},
        {"from": "human", "value": "Observation: The cabinet 1 is closed."},
        {"from": "gpt", "value": "Thought: Open.\nAction: open cabinet 1"},
        {
            "from": "human",
            "value": "Observation: You open the cabinet 1. The cabinet 1 is open. In it, you see nothing.",
        },
        {"from": "gpt", "value": "Thought: Done.\nAction: put mug 2 in/on cabinet 1"},
        {"from": "human", "value": "Observation: You put the mug 2 in/on the cabinet 1."},
    ],
}
TURNS = (
    Turn(
        "A mug may be on the desk.\nI go there.",
        "go to desk 1",
        "You arrive at desk 1. On the desk 1, you see a mug 2, and a pen 1.",
    ),
    Turn("I take it.", "take mug 2 from desk 1", "You pick up the mug 2 from the desk 1."),
    Turn("To the sink.", "go to sinkbasin 1", "You arrive at sinkbasin 1. On the sinkbasin 1, you see nothing."),
    Turn("Clean.", "clean mug 2 with sinkbasin 1", "You clean the mug 2 using the sinkbasin 1."),
    Turn("", "move mug 2 to cabinet 1", "Nothing happens."),
    Turn("I am not there.", "go to cabinet 1", "You arrive at cabinet 1. The cabinet 1 is closed."),
    Turn("Open.", "open cabinet 1", "You open the cabinet 1. The cabinet 1 is open. In it, you see nothing."),
    Turn("Done.", "move mug 2 to cabinet 1", "You move the mug 2 to the cabinet 1."),
)


def altered(**changes):
    return {**copy.deepcopy(ENTRY), **changes}


def with_turn(number, **turn):
    entry = copy.deepcopy(ENTRY)
    entry["conversations"][number] = turn
    return entry


def test_an_entry_is_worded_as_the_games_answer_now():
    played = read_entry(ENTRY)
    assert played.turns == TURNS
    assert (played.game_id, played.split, played.task_type) == (
        f"train/{TASK_FOLDER}/trial_T20190907_061429_204540",
        "train",
        "pick_clean_then_place_in_recep",
    )
    assert (played.task, played.opening) == ("put a clean mug in cabinet.", OPENING)
    assert (played.won, played.source) == (True, "eto")


def test_roles_and_contents_may_be_named_as_chat_templates_do():
    roles = {"human": "user", "gpt": "assistant"}
    turns = [{"role": roles[turn["from"]], "content": turn["value"]} for turn in ENTRY["conversations"]]
    assert read_entry(altered(conversations=turns)) == read_entry(ENTRY)


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        ("put mug 2 in/on cabinet 1", "You move the mug 2 to the cabinet 1."),
        ("use desklamp 1", "You turn on the desklamp 1."),
        ("go to desk 1", ""),  # what is on the desk is not known
    ],
)
def test_the_answer_that_ended_the_game_is_told_where_the_action_tells_it(action, answer):
    turns = [*ENTRY["conversations"][:3], {"from": "gpt", "value": f"Thought: Last.\nAction: {action}"}]
    assert read_entry(altered(conversations=turns)).turns[-1].observation == answer


@pytest.mark.parametrize(
    ("game_file", "identity"),
    [
        (f"data/json_2.1.1/valid_seen/{TASK_FOLDER}/trial_1", (f"valid_seen/{TASK_FOLDER}/trial_1", "seen")),
        (f"/data/train/valid_train/{TASK_FOLDER}/trial_1/", (f"valid_train/{TASK_FOLDER}/trial_1", "train")),
        (f"C:\\d\\valid_unseen\\{TASK_FOLDER}\\t\\game.tw-pddl", (f"valid_unseen/{TASK_FOLDER}/t", "unseen")),
    ],
)
def test_the_game_is_found_in_any_path(game_file, identity):
    played = read_entry(altered(game_file=game_file))
    assert (played.game_id, played.split) == identity


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (["no object"], "wanted an object"),
        (altered(game_file=None), "wanted a game_file"),
        (altered(game_file="json_2.1.1/train/pick_up_nothing-1/trial_1"), "wanted a game_file"),
        (altered(conversations="none"), "list of objects"),
        (altered(conversations=[]), "got 0 turns"),
        (altered(conversations=ENTRY["conversations"][:3]), "got 3 turns"),
        (altered(conversations=ENTRY["conversations"][1:]), "turn 0 to be text of the game"),
        (with_turn(2, **{"from": "human", "value": "You are in a room."}), "tells no task"),
        (with_turn(3, **{"from": "gpt", "value": "I go to the desk."}), "wanted 'Thought: … Action: …'"),
        (with_turn(4, **{"from": "human", "value": None}), "turn 4 to be text"),
        (with_turn(5, **{"from": "system", "value": "x"}), "turn 5 to be text of the player"),
    ],
)
def test_a_malformed_entry_is_named_by_its_index(tmp_path, caplog, entry, message):
    path = tmp_path / "alfworld_sft.json"
    path.write_text(json.dumps([ENTRY, entry, ENTRY]))
    games = read_eto(path)
    assert next(games).turns == TURNS
    with pytest.raises(InvalidTrajectory, match=message) as error:
        next(games)
    assert f"entry 1 of {path}" in str(error.value)
    with caplog.at_level(logging.WARNING):
        assert len(list(read_eto(path, skip_malformed=True))) == 2
    assert "left out entry 1" in caplog.text


@pytest.mark.parametrize(("content", "message"), [('[{"id": ', "not a whole JSON"), ('{"id": 1}', "a JSON dict")])
def test_a_file_of_another_kind_is_refused(tmp_path, content, message):
    path = tmp_path / "alfworld_sft.json"
    path.write_text(content)
    with pytest.raises(InvalidTrajectory, match=message):
        next(read_eto(path))


def test_a_path_that_leads_nowhere_is_told(tmp_path):
    with pytest.raises(GameDataNotFound, match=ETO):
        next(read_eto(tmp_path / "none.json"))


def test_the_data_set_is_taken_from_the_hub_s_cache_and_asked_for_when_not_there(tmp_path, monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(GameDataNotFound, match=r"on a machine with a network and give its path"):
        next(read_eto())
    cached = tmp_path / f"datasets--{ETO.replace('/', '--')}"
    file = cached / "snapshots" / ("0" * 40) / ETO_FILE
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps([ENTRY]))
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("0" * 40)
    assert [played.turns for played in read_eto()] == [TURNS]


@pytest.mark.alfworld
def test_an_older_recording_of_a_real_game_replays_word_for_word(real_games):
    """A walkthrough as ETO would have recorded it with its ALFWorld comes back as this package plays it."""
    game = real_games("seen")[0]
    env = AlfworldEnv(game)
    opening, info = env.reset()
    turns = [("human", "instruction"), ("gpt", "OK"), ("human", opening)]
    wanted = []
    for command in info["walkthrough"]:
        observation, *_ = env.step(command)
        wanted.append((command, observation))
        old_command = command.replace("move ", "put ").replace(" to ", " in/on ") if "move " in command else command
        old_answer = observation.partition(". ")[2] if command.startswith("go to ") else observation
        if "move " in command:
            old_answer = observation.replace("You move", "You put").replace(" to the ", " in/on the ")
        turns += [("gpt", f"Thought: so.\nAction: {old_command}"), ("human", f"Observation: {old_answer}")]
    entry = {"game_file": game.game_id, "conversations": [{"from": role, "value": text} for role, text in turns]}
    played = read_entry(entry)
    assert [(turn.action, turn.observation) for turn in played.turns] == wanted
    assert (played.game_id, played.opening) == (game.game_id, opening.partition("\n\n")[2])
