"""Faults in the cache and in keys and values as messages: positions, masks, spans, selection, controls."""

from ..mutant import Mutant

CACHE, MESSAGE = "interlat/models/cache.py", "interlat/messages/kv.py"
BATCHING, CONTROLS, POSITIONS, SELECTION, ROTATION = (
    f"interlat/models/kv/{name}.py" for name in ("batching", "controls", "positions", "selection", "rotation")
)
EXACT = "tests/invariants/test_kv_exactness.py"
CONTROL_TESTS, SELECTION_TESTS = "tests/models/kv/test_controls.py", "tests/models/kv/test_selection.py"
CACHE_TESTS = "tests/models/test_cache.py"

FAULTS = [
    Mutant(
        "a position is left out behind everything that is read",
        CACHE,
        "behind = torch.where(mask, new.positions + 1, 0).amax(dim=1)",
        "behind = torch.where(mask, new.positions + 2, 0).amax(dim=1)",
        f"{EXACT}::test_relaying_a_cache_is_one_long_prompt[llama]",
    ),
    Mutant(
        "the next position is counted from what is left of the cache",
        CACHE,
        "positions = state.next_position[:, None] + counted",
        "positions = state.mask.sum(dim=1, keepdim=True) + counted",
        f"{EXACT}::test_what_stays_of_a_message_keeps_its_distances[llama-latents]",
    ),
    Mutant(
        "pads of a relayed batch are attended to",
        CACHE,
        "attention_mask: Tensor = state.mask.long()",
        "attention_mask: Tensor = torch.ones_like(state.mask).long()",
        f"{EXACT}::test_a_batch_of_unequal_prompts_is_one_by_one[llama-whole]",
    ),
    Mutant(
        "the layer mask is ignored",
        CACHE,
        "visible_by_layer(layers, state.mask, state.layer_mask, embeddings)",
        "visible_by_layer(layers, state.mask, None, embeddings)",
        f"{EXACT}::test_layers_that_were_not_sent_are_not_seen_there[llama]",
    ),
    Mutant(
        "what is read behind a cut message is in no layer",
        CACHE,
        "added = state.layer_mask.new_ones(",
        "added = state.layer_mask.new_zeros(",
        f"{EXACT}::test_layers_that_were_not_sent_are_not_seen_there[llama]",
    ),
    Mutant(
        "rows that stay begin at positions of rows that went",
        CACHE,
        "self.next_position[index]",
        "self.next_position[: len(rows)]",
        "tests/models/test_decoding.py::test_rows_that_end_leave_the_batch_where_nobody_reads_on",
    ),
    Mutant(
        "a span that goes on counts its places from 0 again",
        CACHE,
        "(before + counted).clamp(min=0)",
        "counted.clamp(min=0)",
        f"{CACHE_TESTS}::test_entries_are_named_placed_and_counted_as_they_are_read",
    ),
    Mutant(
        "a message begins at the width of its batch",
        BATCHING,
        "int(state.next_position[number]),",
        "len(mask),",
        f"{EXACT}::test_a_batch_of_unequal_prompts_is_one_by_one[llama-whole]",
    ),
    Mutant(
        "rows of a batch keep their own numbers of spans",
        BATCHING,
        "table[entries.span], entries.place)",
        "entries.span, entries.place)",
        f"{SELECTION_TESTS}::test_merged_messages_keep_their_gaps_and_follow_each_other",
    ),
    Mutant(
        "layers left out of a message come back in a batch",
        BATCHING,
        "layer_mask = torch.stack([_left(message.held, width, dim=1) for message in messages])",
        "layer_mask = None",
        f"{EXACT}::test_layers_that_were_not_sent_are_not_seen_there[llama]",
    ),
    Mutant(
        "keys are turned the wrong way",
        POSITIONS,
        "keys=turned(model, message.keys, entries.positions, positions),",
        "keys=turned(model, message.keys, positions, entries.positions),",
        f"{EXACT}::test_closing_gaps_turns_keys_to_where_they_now_stand[llama]",
    ),
    Mutant(
        "entries are moved and their keys are not turned, as in the released code",
        POSITIONS,
        "keys=turned(model, message.keys, entries.positions, positions),",
        "keys=message.keys,",
        f"{EXACT}::test_closing_gaps_turns_keys_to_where_they_now_stand[llama]",
    ),
    Mutant(
        "gaps are closed for the entries and not for the reader",
        POSITIONS,
        "int(ranks.max()) + start + 1)",
        "message.next_position)",
        f"{EXACT}::test_closing_gaps_turns_keys_to_where_they_now_stand[llama]",
    ),
    Mutant(
        "experts laid out to overlap follow each other",
        POSITIONS,
        'offset += message.next_position if layout == "follow" else 0',
        "offset += message.next_position",
        f"{EXACT}::test_a_tree_is_experts_that_do_not_see_each_other[llama-overlap]",
    ),
    Mutant(
        "an expert stands behind the entries of those before it, whatever was cut from them",
        POSITIONS,
        'offset += message.next_position if layout == "follow" else 0',
        'offset += len(message.entries) if layout == "follow" else 0',
        f"{SELECTION_TESTS}::test_merged_messages_keep_their_gaps_and_follow_each_other",
    ),
    Mutant(
        "values of a merged message are in the reverse order of its keys",
        POSITIONS,
        "zip(*(message.values for message in moved), strict=True)",
        "zip(*(message.values for message in reversed(moved)), strict=True)",
        f"{EXACT}::test_a_tree_is_experts_that_do_not_see_each_other[llama-follow]",
    ),
    Mutant(
        "a receiver begins as if experts that overlap followed each other",
        POSITIONS,
        "max(message.next_position for message in moved)",
        "sum(message.next_position for message in messages)",
        "tests/models/kv/test_positions.py::test_a_receiver_begins_behind_all_experts_however_they_are_ordered",
    ),
    Mutant(
        "models whose keys do not turn are trusted",
        ROTATION,
        "if worst > tolerance:",
        "if worst > 1e9:",
        f"{SELECTION_TESTS}::test_keys_that_do_not_turn_are_refused",
    ),
    Mutant(
        "latents only keeps the prompts only",
        SELECTION,
        'keep_kinds(message, ["latent"])',
        'keep_kinds(message, ["prompt"])',
        f"{SELECTION_TESTS}::test_rules_apply_in_their_order",
    ),
    Mutant(
        "keys are compared with their phases on",
        SELECTION,
        "message.positions, torch.zeros_like(message.positions))",
        "message.positions, message.positions)",
        f"{SELECTION_TESTS}::test_near_is_what_points_where_the_latest_point_wherever_it_stands",
    ),
    Mutant(
        "a share is rounded down",
        SELECTION,
        "math.ceil(share * len(real) - 1e-9)",
        "max(1, math.floor(share * len(real)))",
        f"{SELECTION_TESTS}::test_a_share_is_rounded_up_and_keeps_the_latest",
    ),
    Mutant(
        "no entry is left for attention to rest on",
        SELECTION,
        "message.held & (sent | first)",
        "message.held & sent",
        f"{SELECTION_TESTS}::test_layers_keep_their_entries_and_the_others_the_first",
    ),
    Mutant(
        "layers left out are counted among the bytes moved",
        MESSAGE,
        "counts = self.held.sum(dim=1).tolist()",
        "counts = [int(self.mask.sum())] * self.num_layers",
        f"{SELECTION_TESTS}::test_layers_keep_their_entries_and_the_others_the_first",
    ),
    Mutant(
        "zero leaves the keys of all layers but the first",
        CONTROLS,
        "keys=tuple(torch.zeros_like(keys) for keys in message.keys),",
        "keys=(torch.zeros_like(message.keys[0]), *message.keys[1:]),",
        f"{CONTROL_TESTS}::test_zeroed_messages_all_say_the_same",
    ),
    Mutant(
        "swapped messages go back to their own rows",
        CONTROLS,
        "return [*messages[1:], messages[0]]",
        "return list(messages)",
        f"{CONTROL_TESTS}::test_swapped_messages_are_another_rows_whole",
    ),
    Mutant(
        "permuting moves positions and leaves the keys where they were",
        CONTROLS,
        "keys=turned(model, message.keys, message.positions, positions),",
        "keys=message.keys,",
        f"{CONTROL_TESTS}::test_a_first_layer_permuted_is_its_tokens_read_elsewhere",
    ),
    Mutant(
        "the untrained twin is a copy of the trained model",
        CONTROLS,
        "twin = AutoModelForCausalLM.from_config(copy.deepcopy(lm.config))",
        "twin = copy.deepcopy(lm)",
        f"{CONTROL_TESTS}::test_a_twin_has_the_shape_and_none_of_the_weights",
    ),
]
