"""Faults between sender and receiver: curriculum, adapter, splice, negatives."""

from ..mutant import Mutant

CURRICULUM, ADAPTER, SPLICE = "interlat/curriculum.py", "interlat/adapter.py", "interlat/splice.py"
NEGATIVES, PASSES = "interlat/data/negatives.py", "interlat/training/passes.py"
STAGE = "tests/training/test_actor_stage.py"

FAULTS = [
    Mutant(
        "the curriculum's order is reversed: latents first",
        CURRICULUM,
        "torch.cat([plan_embeddings[:plan_cut], latents[latent_cut:]])",
        "torch.cat([latents[:latent_cut], plan_embeddings[plan_cut:]])",
        "tests/test_curriculum.py::test_plan_comes_first_and_latents_after",
    ),
    Mutant(
        "the curriculum's rate is the share of latents",
        CURRICULUM,
        "plan_cut, latent_cut = scaled_cut(rate,",
        "plan_cut, latent_cut = scaled_cut(1 - rate,",
        "tests/test_curriculum.py::test_the_ends_are_pure",
    ),
    Mutant(
        "the cut rounds up",
        CURRICULUM,
        "return floor(rate * plan_length + WHOLE_NUMBER_SLACK), floor(rate * num_latents + WHOLE_NUMBER_SLACK)",
        "return -floor(-rate * plan_length + WHOLE_NUMBER_SLACK), -floor(-rate * num_latents + WHOLE_NUMBER_SLACK)",
        "tests/test_curriculum.py::test_plan_comes_first_and_latents_after",
    ),
    Mutant(
        "the cut is binary's: 0.29 of 100 is 28",
        CURRICULUM,
        "WHOLE_NUMBER_SLACK = 1e-9",
        "WHOLE_NUMBER_SLACK = 0.0",
        "tests/test_curriculum.py::test_cuts_are_exact_for_every_rate_and_length",
    ),
    Mutant(
        "the latents of a mix begin one late",
        CURRICULUM,
        "latents[latent_cut:]])",
        "latents[latent_cut + 1 :]])",
        "tests/test_curriculum.py::test_scaled_by_hand",
    ),
    Mutant(
        "pure latents are never drawn",
        CURRICULUM,
        "rates: tuple[float, ...] = (0.0, 0.1,",
        "rates: tuple[float, ...] = (0.1,",
        "tests/test_curriculum.py::test_draws_are_uniform_over_all_eleven_rates_and_repeat_with_the_seed",
    ),
    Mutant(
        "the adapter keeps the raw latents beside the normalised ones",
        ADAPTER,
        "self.attention_norm(normed + attended)",
        "self.attention_norm(inputs + attended)",
        "tests/test_adapter.py::test_against_the_equations_with_attention_written_out",
    ),
    Mutant(
        "the adapter attends to padding",
        ADAPTER,
        "key_padding_mask=ignored, need_weights=False)",
        "key_padding_mask=None, need_weights=False)",
        "tests/test_adapter.py::test_padding_never_changes_a_real_row",
    ),
    Mutant(
        "the adapter projects what is not scaled",
        ADAPTER,
        "residual = self.message_scale * self.attention_norm(",
        "residual = self.attention_norm(",
        "tests/test_adapter.py::test_start_scales_and_output_size",
    ),
    Mutant(
        "labels are shifted by one in the splice",
        SPLICE,
        "= torch.tensor(row.supervised, dtype=torch.bool)",
        "= torch.tensor([*row.supervised[1:], False], dtype=torch.bool)",
        "tests/test_splice.py::test_a_batch_by_hand",
    ),
    Mutant(
        "a message begins where its boundary token stands",
        SPLICE,
        "message[len(row.head) + 1 : len(row.head) + 1 + row.num_latents] = True",
        "message[len(row.head) : len(row.head) + row.num_latents] = True",
        "tests/test_splice.py::test_a_batch_by_hand",
    ),
    Mutant(
        "the boundary tokens are swapped",
        SPLICE,
        "[boundary[0], *[pad_id] * row.num_latents, boundary[1]]",
        "[boundary[1], *[pad_id] * row.num_latents, boundary[0]]",
        "tests/test_splice.py::test_a_batch_by_hand",
    ),
    Mutant(
        "a negative may be the row itself",
        NEGATIVES,
        "if task_id != own]",
        "if task_id]",
        "tests/data/test_negatives.py::test_never_the_own_task",
    ),
    Mutant(
        "a negative may be another row of the same task",
        NEGATIVES,
        "for own in task_ids:\n        others = [row for row, task_id in enumerate(task_ids) if task_id != own]",
        "for place, _ in enumerate(task_ids):\n        others = [row for row, _ in enumerate(task_ids) if row != place]",
        "tests/data/test_negatives.py::test_never_the_own_task",
    ),
    Mutant(
        "a negative begins with its own row's plan",
        PASSES,
        "match_length(plans[partner], len(plans[row]))",
        "match_length(plans[row], len(plans[row]))",
        f"{STAGE}::test_a_negative_holds_nothing_of_its_own_row",
    ),
    Mutant(
        "a negative has the rate of the row it comes from",
        PASSES,
        "mix_scaled(plan, latents, rates[row])",
        "mix_scaled(plan, latents, rates[partner])",
        "tests/training/test_passes.py::test_a_negative_has_its_own_rows_rate_and_length",
    ),
    Mutant(
        "a negative keeps the length of the row it comes from",
        PASSES,
        "match_length(adapted[partner], len(adapted[row]))",
        "match_length(adapted[partner], len(adapted[partner]))",
        "tests/training/test_passes.py::test_a_negative_has_its_own_rows_rate_and_length",
    ),
]
