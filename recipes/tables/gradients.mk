# DiffMAS on the task of three agents: every run and evaluation behind docs/results/diffmas-gradients; part of the Makefile.
#
#   make gradients                              three seeds, each with a base of its own, one run after the other
#   OMP_NUM_THREADS=1 make gradients -j 2       two runs at a time
#   make gradients GRADIENT_SEEDS="0"           one seed
#
# What is finished is not made again, what was interrupted goes on from its last checkpoint or problem.

GRADIENTS ?= $(RUNS)/gradients
GRADIENT_SEEDS ?= 0 1 2
GRADIENT_MODES := bptt bptt_last detached receiver_only per_agent
GRADIENT_ARGS ?=
GRADIENT_GAMES ?= 300
GRADIENT_EVAL := --env reasoning-gym-split-3 --split unseen --temperature 0 --games $(GRADIENT_GAMES) --batch-size 50 --alignment rescale --resume
TRACE := --model.init_args.trace
TAUGHT := $(call joined,diffmas diffmas+zero diffmas+cross-task)
UNTAUGHT := $(call joined,latent-mas:10 latent-mas:0 latent-mas:10+zero latent-mas:10+cross-task single single+whole text-mas)
LATENTS_ALONE := {kinds: latents}
LAST_ALONE := [{name: last, role: split/last}]

# $(1) seed, $(2) variant, $(3) options of the trace, $(4) conditions
define gradient_run
$(GRADIENTS)/seed-$(1)/$(2)/stage.json: $(GRADIENTS)/seed-$(1)/base/stage.json
	$(BIN)/lightning fit -c recipes/diffmas/three.yaml $(GRADIENT_ARGS) $(TRACE).model $(GRADIENTS)/seed-$(1)/base $(3) \
	  --seed_everything $(1) --run_folder $$(@D) $$(call resumed,$$(@D))

GRADIENT_RESULTS += $(GRADIENTS)/seed-$(1)/$(2)/evaluation/results.json
$(GRADIENTS)/seed-$(1)/$(2)/evaluation/results.json: $(GRADIENTS)/seed-$(1)/$(2)/stage.json
	$(BIN)/interlat-eval $(GRADIENT_EVAL) --checkpoint $(GRADIENTS)/seed-$(1)/$(2) --method $(4) --out $$(@D)

endef

# $(1) seed, $(2) folder, $(3) what is kept, $(4) conditions
define gradient_untaught
GRADIENT_RESULTS += $(GRADIENTS)/seed-$(1)/base/$(2)/results.json
$(GRADIENTS)/seed-$(1)/base/$(2)/results.json: $(GRADIENTS)/seed-$(1)/base/stage.json
	$(BIN)/interlat-eval $(GRADIENT_EVAL) --model $(GRADIENTS)/seed-$(1)/base --cast split-3 --single split-single $(3) --method $(4) --out $$(@D)

endef

define gradient_seed
$(GRADIENTS)/seed-$(1)/base/stage.json: | $(READY)
	$(BIN)/lightning fit -c recipes/split/three.yaml $(GRADIENT_ARGS) --seed_everything $(1) --run_folder $$(@D) $$(call resumed,$$(@D))

$(call gradient_untaught,$(1),untaught,,$(UNTAUGHT))
$(call gradient_untaught,$(1),untaught-latents,--keep '$(LATENTS_ALONE)',$(call joined,latent-mas:10 latent-mas:10+zero))
$(foreach mode,$(GRADIENT_MODES),$(call gradient_run,$(1),$(mode),$(TRACE).gradient $(mode),$(TAUGHT)))
$(foreach mode,$(GRADIENT_MODES),$(call gradient_run,$(1),latents-$(mode),$(TRACE).gradient $(mode) $(TRACE).keep '$(LATENTS_ALONE)',$(TAUGHT)))
$(call gradient_run,$(1),stitch,$(TRACE).topology tree,$(TAUGHT))
$(call gradient_run,$(1),sft-words,$(TRACE).channel words $(TRACE).gradient receiver_only,sft)
$(call gradient_run,$(1),sft-alone,$(TRACE).cast '$(LAST_ALONE)',sft)
endef

GRADIENT_RESULTS :=
$(foreach seed,$(GRADIENT_SEEDS),$(eval $(call gradient_seed,$(seed))))

gradients: $(GRADIENT_RESULTS)  ## DiffMAS: five ways for gradients to flow, three seeds, and the tables; hours, resumable
	$(BIN)/interlat-report --table recipes/tables/gradients.yaml $(GRADIENTS) --out $(GRADIENTS)/tables
