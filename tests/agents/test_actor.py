"""Messages of unequal length through the adapter as one batch."""

import pytest
import torch
from foreign_models import save_foreign

from interlat.agents.actor import Actor, ActorSettings
from interlat.errors import InvalidMessage


@pytest.fixture(scope="module")
def actor(tmp_path_factory: pytest.TempPathFactory) -> Actor:
    folder = save_foreign(tmp_path_factory.mktemp("actor"))
    return Actor.build(ActorSettings(str(folder), sender_dim=24)).eval()


def messages(*lengths: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(length, 24, generator=generator) for length in lengths]


def test_messages_of_a_batch_are_adapted_as_each_alone(actor: Actor):
    """Attention reaches over a whole message; the padding of a shorter one beside a longer one must not be part of it."""
    given = messages(3, 9, 1)
    together = actor.adapt(given)
    assert [row.shape for row in together] == [(3, 32), (9, 32), (1, 32)]
    for row, message in zip(together, given, strict=True):
        torch.testing.assert_close(row, actor.adapt([message])[0])


def test_no_message_is_adapted_to_nothing_and_an_empty_one_refused(actor: Actor):
    assert actor.adapt([]) == []
    with pytest.raises(InvalidMessage, match=r"at least one latent, got an empty one; send Silence"):
        actor.adapt(messages(3, 0))
