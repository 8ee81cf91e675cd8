"""What a team writes, by greedy decoding without cache or batch."""

import pytest
import torch
from tiny_agents import save_tiny_lm, task_records

from interlat.agents.team import Team
from interlat.agents.team_prompts import member_text
from interlat.agents.team_settings import Member, TeamSettings
from interlat.agents.team_text import write_texts
from interlat.models.chat import encode
from interlat.models.decoding import Sampling, keyed_generators

RECORDS = task_records(3)
GREEDY = Sampling(max_new_tokens=6)
MEMBERS = (
    Member("a", "explorer", house="1/2", num_latents=2),
    Member("b", "critic", house="2/2", num_latents=2),
    Member("c", "compiler", ("b", "a"), num_latents=2),
)


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    base = save_tiny_lm(
        tmp_path_factory.mktemp("base") / "lm", seed=3
    )  # one that does not write the same for every task
    return Team.build(TeamSettings(MEMBERS, ("c", "a"), str(base)), 32).eval()


@torch.no_grad()
def _written(team: Team, name: str, row: int, heard: str | None) -> str:
    """Token by token: the message is <bop> text <eop>, as it stands where the actor reads a plan in words."""
    lm, tokenizer, chat = team.lms[name], team.tokenizers[name], team.chats[name]
    member = next(member for member in MEMBERS if member.name == name)
    record = RECORDS[row]
    ids = encode(
        tokenizer, chat.opening + member_text(member, team.roles, record.opening, record.house, bool(member.hears))
    )
    if heard is not None:
        ids += [tokenizer.get_vocab()["<bop>"], *encode(tokenizer, heard), tokenizer.get_vocab()["<eop>"]]
    ids += encode(tokenizer, chat.user_end)
    end, new = encode(tokenizer, chat.assistant_end)[0], []
    while len(new) < GREEDY.max_new_tokens:
        token = int(lm(torch.tensor([ids + new])).logits[0, -1].argmax())
        if token == end:
            break
        new.append(token)
    return str(tokenizer.decode(new, skip_special_tokens=True)).strip()


def _lines(*texts: str) -> str:
    return "\n".join(text for text in texts if text)


def test_members_read_what_others_wrote(team: Team):
    openings, houses = [record.opening for record in RECORDS], [record.house for record in RECORDS]
    got = write_texts(team, openings, houses, GREEDY)
    assert len(set(got)) > 1
    for row, text in enumerate(got):
        a, b = _written(team, "a", row, None), _written(team, "b", row, None)
        assert text == _lines(_written(team, "c", row, _lines(b, a)), a)


def test_sampling_follows_its_generator(team: Team):
    openings, houses = [record.opening for record in RECORDS], [record.house for record in RECORDS]
    sampling = Sampling(temperature=1.5, max_new_tokens=6)
    one, same, other = (
        write_texts(team, openings, houses, sampling, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert one == same != other


def test_a_generator_a_row_draws_as_its_row_alone(team: Team):
    openings, houses = [record.opening for record in RECORDS], [record.house for record in RECORDS]
    sampling = Sampling(temperature=1.5, max_new_tokens=6)
    together = write_texts(team, openings, houses, sampling, keyed_generators(openings))
    alone = [
        write_texts(team, [opening], [house], sampling, keyed_generators([opening]))
        for opening, house in zip(openings, houses, strict=True)
    ]
    assert together == [text for texts in alone for text in texts]
