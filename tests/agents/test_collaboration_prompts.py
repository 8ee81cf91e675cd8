"""Casts and roles as data, what an agent reads, and settings that contradict each other."""

import json

import pytest

from interlat.agents.collaboration_prompts import Question, agent_text, answer_request, role_text
from interlat.agents.collaboration_settings import CASTS, CollaborationSettings, Collaborator, cast
from interlat.errors import InvalidSetting
from interlat.models.kv import Keep

TWO = (Collaborator("a", "latentmas/planner"), Collaborator("b", "latentmas/judger"))


@pytest.mark.parametrize("name", CASTS)
def test_casts_of_the_library_name_roles_that_are_there(name):
    agents = cast(name)
    assert all("{question}" in role_text(agent) and "{heard}" in role_text(agent) for agent in agents)
    assert "{answer}" in role_text(agents[-1])
    assert len(agents) == (1 if name == "single" else 4)


def test_slots_are_filled_once_and_empty_paragraphs_left_out():
    """Braces of a question are its own; without words of others, nothing marks their place."""
    agent = Collaborator("judger", "latentmas/judger")
    question = Question("What is {heard} of {answer}?", "choice")
    alone = agent_text(agent, question, {})
    assert "Question:\nWhat is {heard} of {answer}?\n\nWork the question out step by step. Put the letter" in alone
    assert "\n\n\n" not in alone
    heard = agent_text(agent, question, {"planner": " Add. \n", "critic": "  ", "refiner": "Subtract."})
    assert "This is what the others wrote:\n\nplanner:\nAdd.\n\nrefiner:\nSubtract.\n\nWork" in heard
    # The prompts of methods with and without words differ by the words alone.
    words = "This is what the others wrote:\n\nplanner:\nAdd.\n\nrefiner:\nSubtract.\n\n"
    assert heard.replace(words, "") == alone


def test_what_there_is_to_know_can_be_split():
    question = Question("all of it", shown={"left": "one half", "right": "the other half"})
    texts = [agent_text(Collaborator(name, "latentmas/planner"), question, {}) for name in ("left", "right", "last")]
    assert ["one half" in texts[0], "the other half" in texts[1], "all of it" in texts[2]] == [True, True, True]
    assert "all of it" not in texts[0] + texts[1]


def test_an_answer_is_asked_for_by_kind_or_in_words():
    assert "\\boxed{}" in answer_request("number")
    assert "```python" in answer_request("code")
    assert answer_request("Say yes or no.") == "Say yes or no."


def test_casts_and_roles_of_ones_own(tmp_path):
    role = tmp_path / "poet.txt"
    role.write_text("\nRhyme about {question}.\n\n{heard}\n", encoding="utf-8")
    file = tmp_path / "poets.json"
    agents = [{"name": "ann", "role": str(role), "latent_steps": 3}, {"name": "ben", "role": str(role), "model": "big"}]
    file.write_text(json.dumps(agents), encoding="utf-8")
    ann, ben = cast(str(file))
    assert (ann.latent_steps, ben.model) == (3, "big")
    assert agent_text(ann, Question("rain"), {}) == "Rhyme about rain."
    with pytest.raises(InvalidSetting, match=r"no cast is called 'choir'"):
        cast("choir")
    file.write_text('[{"name": "ann", "role": "x", "rule": "y"}]', encoding="utf-8")
    with pytest.raises(InvalidSetting, match=r"must hold a list of agents .* 'rule'"):
        cast(str(file))
    with pytest.raises(InvalidSetting, match=r"no role is called 'latentmas/poet' \(agent 'a'\)"):
        role_text(Collaborator("a", "latentmas/poet"))


def test_who_hears_whom_and_how_long_each_thinks():
    agents = tuple(Collaborator(name, "latentmas/planner") for name in "abc")
    chain = CollaborationSettings(agents, "latent-mas", "m", latent_steps=5)
    tree = CollaborationSettings(agents, "latent-mas", "m", latent_steps=5, topology="tree")
    assert [chain.heard_by(agent) for agent in agents] == [(), agents[:1], agents[1:2]]
    assert [tree.heard_by(agent) for agent in agents] == [(), (), agents[:2]]
    assert [chain.steps_of(agent) for agent in agents] == [5, 5, 0]
    assert CollaborationSettings(TWO, "text-mas", "m").steps_of(TWO[0]) == 0
    thinker = Collaborator("single", "latentmas/single", latent_steps=7)
    assert CollaborationSettings((thinker,), "single", "m").steps_of(thinker) == 7


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"method": "single"}, r"'single' wants one agent, got 2"),
        ({"agents": TWO[:1]}, r"'latent-mas' wants at least 2 agents, got 1"),
        ({"agents": (TWO[0], TWO[0])}, r"a name of its own, got a, a"),
        ({"latent_steps": -1}, r"at least 0 latent steps, got -1"),
        ({"latent_steps": 0, "keep": Keep(kinds="latents")}, r"sends nothing of a, who take 0 latent steps"),
        ({"method": "text-mas", "control": "zero"}, r"got 'zero' with 'text-mas'"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, text):
    with pytest.raises(InvalidSetting, match=text):
        CollaborationSettings(**{"agents": TWO, "method": "latent-mas", "model": "m", **settings})


def test_agents_are_named_and_think_forwards():
    with pytest.raises(InvalidSetting, match=r"needs a name without blanks around it, got ' a'"):
        Collaborator(" a", "latentmas/planner")
    with pytest.raises(InvalidSetting, match=r"'a' wants at least 0 latent steps, got -2"):
        Collaborator("a", "latentmas/planner", latent_steps=-2)
