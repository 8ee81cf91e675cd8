"""Faults in the two stages of training."""

from ..mutant import Mutant

ONE, TWO = "interlat/training/actor_stage.py", "interlat/training/compression_stage.py"
WEIGHTS = "interlat/training/actor_weights.py"
TEST_ONE, TEST_TWO = "tests/training/test_actor_stage.py", "tests/training/test_compression_stage.py"

FAULTS = [
    Mutant(
        "stage 1 hears latents alone, whatever the rate",
        ONE,
        "matched = read_messages(actor, batch.segments, curriculum_messages(plans, adapted, rates))",
        "matched = read_messages(actor, batch.segments, adapted)",
        f"{TEST_ONE}::test_at_a_rate_between_the_first_rows_are_the_plan",
    ),
    Mutant(
        "validation hears the plan in place of latents",
        ONE,
        "matched = read_messages(actor, rows, adapted)\n            values",
        "matched = read_messages(actor, rows, plans)\n            values",
        f"{TEST_ONE}::test_validation_hears_latents_alone_and_the_plan_as_text",
    ),
    Mutant(
        "alignment compares with the mixed message in place of the plan's text",
        ONE,
        "planned = read_messages(actor, rows, plans)",
        "planned = read_messages(actor, rows, curriculum_messages(plans, adapted, rates))",
        f"{TEST_ONE}::test_negatives_and_plans_are_constants_unless_a_recipe_asks[False]",
    ),
    Mutant(
        "gradient flows through negatives that no recipe asked for",
        ONE,
        "constant = not self.weights.mismatched_gradient",
        "constant = False",
        f"{TEST_ONE}::test_negatives_and_plans_are_constants_unless_a_recipe_asks[False]",
    ),
    Mutant(
        "weights rise over the run in place of falling",
        WEIGHTS,
        "left_separation = left_alignment = 1 - min(max(done, 0.0), 1.0)",
        "left_separation = left_alignment = min(max(done, 0.0), 1.0)",
        "tests/training/test_actor_weights.py::test_linear_weights_fall_over_the_run",
    ),
    Mutant(
        "stage 2 trains the actor",
        TWO,
        "load_actor(self.actor_folder).requires_grad_(requires_grad=False)",
        "load_actor(self.actor_folder).requires_grad_(requires_grad=True)",
        f"{TEST_TWO}::test_gradient_reaches_the_compressor_and_nothing_else",
    ),
    Mutant(
        "the frozen actor's dropout is on",
        TWO,
        "            self.actor.eval()\n",
        "            pass\n",
        f"{TEST_TWO}::test_the_actor_stays_in_eval_mode",
    ),
    Mutant(
        "preference is asked of silence and weighed by the full message",
        TWO,
        "path_a.logits, path_d.logits, path_b.logits",
        "path_a.logits, path_b.logits, path_d.logits",
        f"{TEST_TWO}::test_the_terms_are_those_of_three_passes",
    ),
    Mutant(
        "the full message is cut to K latents",
        TWO,
        "full = self.actor.adapt(batch.latents)",
        "full = self.actor.adapt([rows[: latents.shape[1]] for rows in batch.latents])",
        f"{TEST_TWO}::test_the_terms_are_those_of_three_passes",
    ),
    Mutant(
        "latent k is asked for keyword k − 1",
        TWO,
        "torch.cat([plan[kept] for plan, kept",
        "torch.cat([plan[kept.roll(1)] for plan, kept",
        f"{TEST_TWO}::test_the_keyword_term_asks_latent_k_for_keyword_k",
    ),
]
