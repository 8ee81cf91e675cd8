"""Faults in traces that are trained: where gradients flow, what is read and taught, and what goes beyond the paper."""

from ..mutant import Mutant

AGENTS, SETTINGS, WORDS, PLAYED, GRADIENTS, STEPS = (
    f"interlat/agents/trace_{name}.py"
    for name in ("agents", "settings", "words", "collaboration", "gradients", "steps")
)
TERMS, LEARNT, STAGE = (f"interlat/training/trace_{name}.py" for name in ("terms", "steps", "stage"))
ESTIMATE, ADAPTERS = "interlat/losses/score_function.py", "interlat/models/trace_adapters.py"
AGENT_TESTS, COMMUNICATION_TESTS = "tests/agents/test_trace_agents.py", "tests/agents/test_trace_communication.py"
TERM_TESTS, STEP_TESTS = "tests/training/test_trace_terms.py", "tests/training/test_trace_steps.py"
BEYOND_TESTS, ESTIMATE_TESTS = "tests/training/test_trace_beyond.py", "tests/losses/test_score_function.py"
PLAYED_IN_A_CHAIN = f"{AGENT_TESTS}::test_agents_are_taught_the_trace_that_they_will_play[sequential-chain-bptt]"
PLAYED_IN_A_TREE = f"{AGENT_TESTS}::test_agents_are_taught_the_trace_that_they_will_play[hierarchical-tree-bptt]"
ANOTHER_S = f"{TERM_TESTS}::test_another_problem_s_trace_is_what_it_is_alone[keep0-sequential-chain]"

FAULTS = [
    Mutant(
        "a detached trace carries gradient",
        AGENTS,
        "if flows or not torch.is_grad_enabled():",
        "if True:",
        f"{AGENT_TESTS}::test_a_detached_trace_carries_no_gradient_at_all",
    ),
    Mutant(
        "a trace that does not learn is built with dropout",
        AGENTS,
        "module.eval()",
        "module.train()",
        f"{AGENT_TESTS}::test_what_carries_no_gradient_is_built_without_dropout",
    ),
    Mutant(
        "every agent of a trace reads the first one's prompt",
        AGENTS,
        "self._readings(agent, batch.prompts[place], steps)",
        "self._readings(agent, batch.prompts[0], steps)",
        PLAYED_IN_A_CHAIN,
    ),
    Mutant(
        "the agents of a trace that is a tree are put together in the wrong order",
        AGENTS,
        "heard = [left[other.name] for other in self.team.heard_by(agent)]",
        "heard = [left[other.name] for other in self.team.heard_by(agent)][::-1]",
        PLAYED_IN_A_TREE,
    ),
    Mutant(
        "each token of a trace's target is predicted by itself",
        AGENTS,
        "torch.cat([latest[:, None], states[:, :-1]], dim=1)",
        "states",
        PLAYED_IN_A_CHAIN,
    ),
    Mutant(
        "pads of a trace's targets are taught",
        AGENTS,
        "return token_logits(self.lm, predicting[mask]), ids[mask]",
        "return token_logits(self.lm, predicting.flatten(0, 1)), ids.flatten()",
        f"{AGENT_TESTS}::test_a_padded_batch_is_learnt_as_each_question_alone[chain]",
    ),
    Mutant(
        "the whole trace is handed on, whatever is to be kept",
        AGENTS,
        "whole = self.team.keep == Keep()",
        "whole = True",
        "tests/agents/test_trace_channels.py::test_what_is_kept_of_a_trace_is_taught_as_it_is_played[sequential-chain-keep0]",
    ),
    Mutant(
        "one agent more learns than bptt_last says",
        SETTINGS,
        "return place >= len(self.collaboration().agents) - 1 - self.last_agents",
        "return place >= len(self.collaboration().agents) - 2 - self.last_agents",
        f"{AGENT_TESTS}::test_modes_are_sums_over_agents_of_what_each_learns",
    ),
    Mutant(
        "receiver_only builds the trace with the receiver's adapter",
        SETTINGS,
        'return None if self.gradient == "receiver_only" and not is_last else SHARED',
        "return SHARED",
        f"{AGENT_TESTS}::test_receiver_only_builds_the_trace_of_the_bare_backbone",
    ),
    Mutant(
        "to speak with one adapter freezes the others",
        ADAPTERS,
        "parameter.requires_grad_(wanted)",
        "pass",
        "tests/models/test_trace_adapters.py::test_what_is_frozen_stays_frozen",
    ),
    Mutant(
        "the gradient norm of an agent is that of its last tensor",
        GRADIENTS,
        "self._squares[agent] + square if agent in self._squares else square",
        "square",
        f"{AGENT_TESTS}::test_gradient_norms_by_depth_are_those_of_the_entries[none-bptt]",
    ),
    Mutant(
        "a separation compares a trace with itself",
        TERMS,
        "state_of(swapped(messages_of(trace.state())))",
        "state_of(messages_of(trace.state()))",
        ANOTHER_S,
    ),
    Mutant(
        "behind another problem's trace the row's own positions go on",
        TERMS,
        "return Trace.of_state(state_of(swapped(messages_of(trace.state()))))",
        "state = state_of(swapped(messages_of(trace.state())))\n"
        "    state.next_position = trace.next_position\n"
        "    return Trace.of_state(state)",
        ANOTHER_S,
    ),
    Mutant(
        "gradient flows through another problem's trace that no recipe asked for",
        TERMS,
        "constant = not weights.mismatched_gradient",
        "constant = False",
        f"{TERM_TESTS}::test_a_detached_separation_teaches_the_matched_branch_alone",
    ),
    Mutant(
        "no gradient flows through another problem's trace where a recipe asked for it",
        TERMS,
        "constant = not weights.mismatched_gradient",
        "constant = True",
        f"{TERM_TESTS}::test_with_gradient_both_branches_are_taught",
    ),
    Mutant(
        "the two passes of a separation drop numbers of their own",
        TERMS,
        "if noise is not None:",
        "if False:",
        f"{TERM_TESTS}::test_dropout_alone_separates_nothing",
    ),
    Mutant(
        "a trace is aligned with words that are read with dropout",
        AGENTS,
        "with self._gradient(flows=False):",
        "with self._gradient(flows=True):",
        f"{TERM_TESTS}::test_alignment_is_taught_as_finite_differences_say",
    ),
    Mutant(
        "a trace is aligned with the prompt that has no words",
        AGENTS,
        "self.predictions(batch._replace(prompts=(batch.told,)), silent)",
        "self.predictions(batch, silent)",
        f"{TERM_TESTS}::test_where_the_plan_does_not_fit_the_bare_agents_write",
    ),
    Mutant(
        "a plan with a sentence too many is told",
        WORDS,
        "dict(zip(names, plan, strict=True)) if len(plan) == len(names) else None",
        "dict(zip(names, plan, strict=False)) if plan else None",
        f"{TERM_TESTS}::test_where_the_plan_does_not_fit_the_bare_agents_write",
    ),
    Mutant(
        "the words that a trace is aligned with are written by trained agents",
        WORDS,
        "(self.lm, self.tokenizer)}, writing.adapters()",
        "(self.lm, self.tokenizer)}, self.settings.adapters()",
        f"{TERM_TESTS}::test_where_the_plan_does_not_fit_the_bare_agents_write",
    ),
    Mutant(
        "choices that cost more are praised",
        ESTIMATE,
        "(log_probability - log_probability.detach())",
        "(log_probability.detach() - log_probability)",
        f"{ESTIMATE_TESTS}::test_its_expectation_is_the_gradient_of_the_expected_cost[0.0]",
    ),
    Mutant(
        "the baseline is added to the cost",
        ESTIMATE,
        "cost.detach() - baseline",
        "cost.detach() + baseline",
        f"{ESTIMATE_TESTS}::test_the_factor_of_one_draw_is_cost_less_baseline",
    ),
    Mutant(
        "a draw is compared with a mean that holds its own cost",
        LEARNT,
        "spent, mean = float(cost.detach()), self.baseline.mean()\n        self.baseline.add(spent)",
        "spent = float(cost.detach())\n        self.baseline.add(spent)\n        mean = self.baseline.mean()",
        f"{STEP_TESTS}::test_over_all_draws_the_gradient_is_that_of_the_expected_cost[detached-none]",
    ),
    Mutant(
        "the steps of one agent cost, those of others are free",
        LEARNT,
        "self.settings.step_cost * sum(steps.values())",
        "self.settings.step_cost * max(steps.values())",
        f"{STEP_TESTS}::test_the_cost_of_a_draw_and_what_it_is_compared_with_next",
    ),
    Mutant(
        "steps that are drawn are not taken",
        AGENTS,
        "steps = (taken or {}).get(agent.name, self.team.steps_of(agent))",
        "steps = self.team.steps_of(agent)",
        f"{STEP_TESTS}::test_gradients_of_drawn_steps_are_those_of_a_trace_with_as_many",
    ),
    Mutant(
        "a count of steps is drawn one too low",
        STEPS,
        "{name: int(each) + 1 for name, each",
        "{name: max(int(each), 1) for name, each",
        "tests/agents/test_trace_steps.py::test_counts_come_up_as_often_as_they_should",
    ),
    Mutant(
        "a run that goes on forgets what steps are compared with",
        STAGE,
        "self.steps.baseline.load(checkpoint[_BASELINE])",
        "pass",
        f"{BEYOND_TESTS}::test_a_run_goes_on_to_the_bit_with_everything_on[3]",
    ),
    Mutant(
        "a run folder's agents take all the steps they may",
        STAGE,
        "played = played.with_steps(self.steps.choice.likeliest())",
        "played = played.with_steps({})",
        f"{BEYOND_TESTS}::test_agents_of_a_run_folder_are_those_that_were_taught",
    ),
    Mutant(
        "agents who play rescale in place of the adapter that they learnt",
        PLAYED,
        "if sender in self._learnt and not self._is_untrained(receiver):",
        "if False:",
        f"{COMMUNICATION_TESTS}::test_agents_are_taught_the_thoughts_that_they_will_play[bptt-sequential-chain]",
    ),
    Mutant(
        "agents with fresh weights keep the adapter that others learnt",
        PLAYED,
        "if sender in self._learnt and not self._is_untrained(receiver):",
        "if sender in self._learnt:",
        f"{COMMUNICATION_TESTS}::test_agents_with_fresh_weights_think_as_the_alignment_says",
    ),
]
