"""Faults in sender, compressor and conversation, and in the cache and the decoding they stand on."""

from ..mutant import Mutant

SENDER, COMPRESSOR = "interlat/agents/sender.py", "interlat/agents/compressor.py"
CONVERSATION, ACTOR = "interlat/agents/conversation.py", "interlat/agents/actor.py"
CACHE, DECODING, BACKBONE = (f"interlat/models/{name}.py" for name in ("cache", "decoding", "backbone"))
SOURCE = "interlat/evaluation/message_source.py"
PARITY = "tests/invariants/test_path_parity.py"

FAULTS = [
    Mutant(
        "a read message is one state late: h_2..h_L and the one after the plan",
        SENDER,
        "states[row, width - len(plan) - 1 : width - 1]",
        "states[row, width - len(plan) : width]",
        f"{PARITY}::test_a_sender_keeps_the_states_that_predicted_its_plan[llama]",
    ),
    Mutant(
        "a written message is one state late",
        DECODING,
        "        current = extend(model, state, embed_tokens(model, fed), real)[:, 0]\n",
        "        current = extend(model, state, embed_tokens(model, fed), real)[:, 0]\n"
        "        for row in running:\n"
        "            kept[row][-1:] = [current[held.index(row)]] if keep_states else []\n",
        f"{PARITY}::test_a_sender_keeps_the_states_that_predicted_its_plan[llama]",
    ),
    Mutant(
        "the end mark stays in the plan",
        DECODING,
        "            if row in running:\n",
        "            if row in said:\n",
        "tests/agents/test_sender.py::test_the_end_mark_is_no_part_of_a_plan",
    ),
    Mutant(
        "the compressor's loop is detached at the bridge",
        COMPRESSOR,
        "self.bridge(latest)[:, None]",
        "self.bridge(latest.detach())[:, None]",
        "tests/agents/test_compressor.py::test_gradient_is_that_of_whole_forwards",
    ),
    Mutant(
        "the compressor's prompt is read without gradient",
        COMPRESSOR,
        "latest = extend(self.lm, state, embed_tokens(self.lm, ids), mask)[:, -1]",
        "latest = extend(self.lm, state, embed_tokens(self.lm, ids).detach(), mask)[:, -1]",
        "tests/agents/test_compressor.py::test_gradient_is_that_of_whole_forwards",
    ),
    Mutant(
        "the compressor's first latent is the one after the prompt's last state",
        COMPRESSOR,
        "latents = [latest]\n        for _ in range((num_latents or self.num_latents) - 1):",
        "latents = []\n        for _ in range(num_latents or self.num_latents):",
        "tests/agents/test_compressor.py::test_latents_by_whole_forwards[False]",
    ),
    Mutant(
        "states are fed back without the bridge",
        COMPRESSOR,
        "self.bridge(latest)[:, None]",
        "latest[:, None]",
        "tests/agents/test_compressor.py::test_latents_by_whole_forwards[False]",
    ),
    Mutant(
        "observations carry labels",
        CONVERSATION,
        "supervised += [False] * len(seen)",
        "supervised += [True] * len(seen)",
        "tests/agents/test_conversation.py::test_labels_are_on_the_answers_with_their_end_marks[action]",
    ),
    Mutant(
        "answers are never taught to end",
        CONVERSATION,
        "supervised += [True] * len(answer)",
        "supervised += [True] * (len(answer) - 1) + [False]",
        "tests/agents/test_conversation.py::test_labels_are_on_the_answers_with_their_end_marks[action]",
    ),
    Mutant(
        "the actor's targets come from unshifted positions",
        ACTOR,
        "token_logits(self.lm, predicting[mask])",
        "token_logits(self.lm, states[:, 1:][mask])",
        f"{PARITY}::test_a_plan_spliced_as_a_message_gives_the_logits_of_its_tokens[llama]",
    ),
    Mutant(
        "the adapter never learns where a message ends",
        ACTOR,
        "mask = torch.arange(padded.shape[1], device=self.device) < lengths[:, None]",
        "mask = torch.ones(padded.shape[:2], dtype=torch.bool, device=self.device)",
        "tests/agents/test_actor.py::test_messages_of_a_batch_are_adapted_as_each_alone",
    ),
    Mutant(
        "positions in the cache count pads",
        CACHE,
        "positions = state.next_position[:, None] + counted",
        "positions = torch.full_like(state.next_position[:, None], state.mask.shape[1]) + counted",
        f"{PARITY}::test_reading_in_pieces_with_a_cache_gives_the_states_of_reading_at_once[llama]",
    ),
    Mutant(
        "the cache forgets which entries are pads",
        CACHE,
        "return Entries(mask, positions, torch.full_like(counted, UNNAMED), counted.clamp(min=0))",
        "return Entries(torch.ones_like(mask), positions, torch.full_like(counted, UNNAMED), counted.clamp(min=0))",
        f"{PARITY}::test_reading_in_pieces_with_a_cache_gives_the_states_of_reading_at_once[llama]",
    ),
    Mutant(
        "padded rows are computed without their mask",
        BACKBONE,
        "if not _padded_on_the_right(mask):",
        "if False:",
        f"{PARITY}::test_a_batch_gives_the_logits_of_each_row_alone[llama-left]",
    ),
    Mutant(
        "cross-task may send a game its own message",
        SOURCE,
        "if other != opening]",
        "if other]",
        "tests/evaluation/test_message_source.py::test_every_game_gets_the_message_of_another",
    ),
    Mutant(
        "every message is controlled by the same draws",
        SOURCE,
        "self.control(message.latents.cpu(), draws)",
        "self.control(message.latents.cpu(), torch.Generator().manual_seed(0))",
        "tests/evaluation/test_message_source.py::test_a_control_draws_anew_for_every_message",
    ),
]
