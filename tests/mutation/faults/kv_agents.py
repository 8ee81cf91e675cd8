"""Faults in latent thoughts, in agents that work together, and in what they write and pay."""

from ..mutant import Mutant

THOUGHTS, COLLABORATION, HANDOVER, SETTINGS = (
    f"interlat/agents/{name}.py" for name in ("latent_thoughts", "collaboration", "handover", "collaboration_settings")
)
DECODING = "interlat/models/decoding.py"
THOUGHT_TESTS, COLLABORATION_TESTS = "tests/agents/test_latent_thoughts.py", "tests/agents/test_collaboration.py"
POSITIONS = "tests/agents/test_positions_computed.py::test_positions_are_prompts_latent_steps_and_tokens_written"
SAMPLED = "tests/agents/test_collaboration_sampling.py"
SAMPLING, DECODED = "tests/models/test_sampling.py", "tests/models/test_decoding.py"

FAULTS = [
    Mutant(
        "the aligner's matrix is transposed",
        THOUGHTS,
        "wide @ self.matrix.to(wide)",
        "wide @ self.matrix.T.to(wide)",
        f"{THOUGHT_TESTS}::test_ridge_is_the_formula",
    ),
    Mutant(
        "aligned states keep their length",
        THOUGHTS,
        "if self.length is not None:",
        "if self.length is None:",
        f"{THOUGHT_TESTS}::test_ridge_is_the_formula",
    ),
    Mutant(
        "the ridge has no lambda",
        THOUGHTS,
        "gram.diagonal().add_(ridge_lambda)",
        "gram.diagonal().add_(0.0)",
        f"{THOUGHT_TESTS}::test_ridge_is_the_formula",
    ),
    Mutant(
        "a map between models gives embeddings the sender's length",
        THOUGHTS,
        "_mean_length(causal_lm(receiver)))",
        "_mean_length(causal_lm(sender)))",
        "tests/agents/test_thoughts_of_two_models.py::test_what_another_model_reads_has_the_length_of_its_own_embeddings",
    ),
    Mutant(
        "states are fed back without being aligned",
        THOUGHTS,
        "align(latest)[:, None]",
        "latest[:, None]",
        f"{THOUGHT_TESTS}::test_each_step_feeds_the_last_state_back",
    ),
    Mutant(
        "every step feeds the first state back",
        THOUGHTS,
        "align(latest)[:, None]",
        "align(fed[0])[:, None]",
        f"{THOUGHT_TESTS}::test_each_step_feeds_the_last_state_back",
    ),
    Mutant(
        "the ledger counts pads",
        COLLABORATION,
        "ledger.prefill_positions[row] += len(prompt)",
        "ledger.prefill_positions[row] += ids.shape[1]",
        f"{POSITIONS}[latent-mas-sequential-chain]",
    ),
    Mutant(
        "what was left out of a message is paid for",
        COLLABORATION,
        "ledger.kv_bytes[row] += message.num_bytes if moved else 0",
        "ledger.kv_bytes[row] += handover.messages[row].num_bytes if moved else 0",
        f"{COLLABORATION_TESTS}::test_accounts_of_a_chain_and_a_tree",
    ),
    Mutant(
        "reading again costs nothing",
        COLLABORATION,
        "ledger.prefill_positions[row] += 0 if moved else int(handover.messages[row].mask.sum())",
        "ledger.prefill_positions[row] += 0",
        "tests/agents/test_handover.py::test_another_model_of_the_same_tokenizer_reads_again_what_it_is_handed",
    ),
    Mutant(
        "a control strikes at every hand-over",
        COLLABORATION,
        "if agent is settings.agents[-1]:\n            messages = self._controlled",
        "if agent is not None:\n            messages = self._controlled",
        "tests/agents/test_collaboration_controls.py::test_a_control_strikes_at_the_last_hand_over_alone",
    ),
    Mutant(
        "the last agent is untrained too",
        COLLABORATION,
        'self.settings.control == "untrained" and agent is not self.settings.agents[-1]',
        'self.settings.control == "untrained"',
        "tests/agents/test_collaboration_controls.py::test_who_answers_is_trained_and_nobody_else",
    ),
    Mutant(
        "an agent speaks from before its thoughts",
        COLLABORATION,
        "return state, thoughts.latest, sources",
        "return state, latest, sources",
        "tests/agents/test_collaboration_controls.py::test_words_follow_the_thoughts",
    ),
    Mutant(
        "experts of a tree hear those before them",
        SETTINGS,
        "return self.agents[:-1] if agent is self.agents[-1] else ()",
        "return self.agents[:place]",
        "tests/agents/test_collaboration_prompts.py::test_who_hears_whom_and_how_long_each_thinks",
    ),
    Mutant(
        "a model of another kind reads a cut message without its gaps",
        HANDOVER,
        "positions[row, behind] = message.positions",
        "positions[row, behind] = torch.arange(len(message.entries))",
        "tests/agents/test_handover.py::test_what_is_read_again_is_what_was_sent_on",
    ),
    Mutant(
        "a model of another kind reads the first entries of a span, whichever were kept",
        HANDOVER,
        "zip(message.entries.span.tolist(), message.entries.place.tolist(), strict=True)",
        "((span, message.entries.span.tolist()[:at].count(span)) for at, span in enumerate(message.entries.span.tolist()))",
        "tests/agents/test_handover.py::test_what_is_read_again_is_what_was_sent_on",
    ),
    Mutant(
        "all questions draw the same numbers",
        COLLABORATION,
        "json.dumps([seed, place, each.text, sorted(each.shown.items())])",
        "json.dumps([seed, place])",
        f"{SAMPLED}::test_who_answers_draws_alike_for_every_method",
    ),
    Mutant(
        "a batch draws from one generator",
        COLLABORATION,
        "self.end_id, sampling, draws, reads_on=False",
        "self.end_id, sampling, draws[0], reads_on=False",
        f"{SAMPLED}::test_a_sampled_batch_is_each_question_alone[latent-mas-sequential-chain]",
    ),
    Mutant(
        "rows that go on get the cache of rows that ended",
        DECODING,
        "state.select([held.index(row) for row in running])",
        "state.select(list(range(len(running))))",
        f"{DECODED}::test_rows_that_end_leave_the_batch_where_nobody_reads_on",
    ),
    Mutant(
        "a row that has ended goes on drawing",
        DECODING,
        "return torch.stack([torch.rand((), generator=each, device=each.device, dtype=torch.float64) for each in given])",
        "drawn = [torch.rand((), generator=each, device=each.device, dtype=torch.float64) for each in generator]\n"
        "    return torch.stack([drawn[row] for row in running]) if given else torch.zeros(0)",
        f"{DECODED}::test_a_row_is_sampled_alone_as_in_any_batch[3]",
    ),
    Mutant(
        "the rows of a batch share one number",
        DECODING,
        "torch.rand(rows, generator=generator, device=generator.device, dtype=torch.float64)[list(running)]",
        "torch.rand(1, generator=generator, device=generator.device, dtype=torch.float64).expand(len(running))",
        f"{SAMPLING}::test_tokens_come_up_as_often_as_they_should[one generator-0.6-0.95-0]",
    ),
    Mutant(
        "the token that takes the mass over top_p is dropped",
        DECODING,
        "kept = sums - top < top_p",
        "kept = (sums < top_p) | (sums == top)",
        f"{SAMPLING}::test_the_tokens_kept_are_those_that_sorting_gives",
    ),
    Mutant(
        "top_p looks at the likeliest tokens and no further",
        DECODING,
        "if top.shape[-1] == weights.shape[-1] or bool((sums[:, -1] >= top_p).all()):",
        "if True:",
        f"{SAMPLING}::test_a_nucleus_may_hold_most_of_the_vocabulary",
    ),
    Mutant(
        "a number of 0 draws the first token of the vocabulary, kept or not",
        DECODING,
        "torch.searchsorted(sums, wanted, right=True)",
        "torch.searchsorted(sums, wanted, right=False)",
        f"{SAMPLING}::test_the_ends_of_the_interval_are_the_first_and_the_last_token_kept",
    ),
    Mutant(
        "temperature multiplies",
        DECODING,
        "logits.double() / sampling.temperature",
        "logits.double() * sampling.temperature",
        f"{SAMPLING}::test_tokens_come_up_as_often_as_they_should[one generator-0.6-0.95-0]",
    ),
]
