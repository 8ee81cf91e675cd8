# Every run and evaluation behind Tables 1, 3, 4 and 6 on household games; part of the Makefile.
#
#   make tables                             three seeds, one run after the other
#   OMP_NUM_THREADS=1 make tables -j 2      two runs at a time: faster on two cores than two threads a run
#   make tables SEEDS="0 1 2 3 4"           two more seeds; what is there stays
#
# Each run is a folder <TABLES>/seed-<N>/<variant>, named by what is left out or put in. What is finished is not made again,
# what was interrupted goes on from its last checkpoint or game.

SEEDS ?= 0 1 2
TABLES ?= $(RUNS)/tables
FIT_ARGS ?=
EVAL_ARGS ?= --batch-size 67

TABLE_ABLATIONS := no-curriculum no-separation no-alignment no-adapter cot no-cot
TABLE_LENGTHS := 16 8 4 2 1
TABLE_TERMS := no-task no-preference no-geometry
TABLE_SPLITS := unseen seen

TABLE_CONTROLS := cross-task cov-noise-0.5 cov-noise-1.0 white-noise cov-gauss-0mu cov-gauss-mu random-rot permute zero
TABLE_SHARES := 90 80 70 60 50 40 30 20 10 5
comma := ,
empty :=
joined = $(subst $(empty) $(empty),$(comma),$(strip $(1)))
STAGE1_CONDITIONS := $(call joined,latent text none $(TABLE_CONTROLS:%=latent+%) $(TABLE_SHARES:%=latent:%%) $(TABLE_LENGTHS:%=latent:%))

resumed = $(if $(wildcard $(1)/last.ckpt),--ckpt_path last)
variant_of = $(lastword $(subst /, ,$(1)))

# $(1) seed, $(2) variant, $(3) recipe and overlays, $(4) what has to be there first
define table_run
$(TABLES)/seed-$(1)/$(2)/stage.json: $(4) | $(READY)
	$(BIN)/lightning fit $(3) $(FIT_ARGS) --seed_everything $(1) --run_folder $$(@D) $$(call resumed,$$(@D))

endef

# $(1) seed, $(2) variant, $(3) conditions, $(4) split
define table_evaluation
TABLE_RESULTS += $(TABLES)/seed-$(1)/$(2)/evaluation/household-$(4)-20-steps/results.json
$(TABLES)/seed-$(1)/$(2)/evaluation/household-$(4)-20-steps/results.json: $(TABLES)/seed-$(1)/$(2)/stage.json
	$(BIN)/interlat-eval --env household --split $(4) --checkpoint $(TABLES)/seed-$(1)/$(2) --conditions $(3) --out $$(@D) $(EVAL_ARGS) --resume

endef

table_evaluations = $(foreach split,$(TABLE_SPLITS),$(call table_evaluation,$(1),$(2),$(3),$(split)))
conditions_of = $(if $(filter cot,$(1)),text,$(if $(filter no-cot,$(1)),none,latent))

# A seed's first run makes the games and latents that its other runs read.
define table_seed
$(call table_run,$(1),stage1,-c recipes/stage1.yaml,)
$(call table_evaluations,$(1),stage1,$(STAGE1_CONDITIONS))
$(foreach variant,$(TABLE_ABLATIONS),$(call table_run,$(1),$(variant),-c recipes/stage1.yaml -c recipes/overlays/$(variant).yaml,$(TABLES)/seed-$(1)/stage1/stage.json)$(call table_evaluations,$(1),$(variant),$(call conditions_of,$(variant))))
$(foreach length,$(TABLE_LENGTHS),$(call table_run,$(1),K$(length),-c recipes/stage2.yaml --model.init_args.actor $(TABLES)/seed-$(1)/stage1 --model.init_args.compressor.num_latents $(length),$(TABLES)/seed-$(1)/stage1/stage.json)$(call table_evaluations,$(1),K$(length),latent:$(length)))
$(foreach term,$(TABLE_TERMS),$(call table_run,$(1),$(term),-c recipes/stage2.yaml -c recipes/overlays/$(term).yaml --model.init_args.actor $(TABLES)/seed-$(1)/stage1,$(TABLES)/seed-$(1)/stage1/stage.json)$(call table_evaluations,$(1),$(term),latent:8))
endef

TABLE_RESULTS :=
$(foreach seed,$(SEEDS),$(eval $(call table_seed,$(seed))))

tables: $(TABLE_RESULTS)  ## every run behind Tables 1, 3, 4 and 6 on household games, three seeds; hours, resumable
