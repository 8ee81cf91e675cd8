# Every run and evaluation behind Tables 1, 3 (7 for Llama), 4 and 6; part of the Makefile.
#
#   make tables                              household games, tiny agents, three seeds, one run after the other
#   OMP_NUM_THREADS=1 make tables -j 2       two runs at a time: faster on two cores than two threads a run
#   make tables SEEDS="0 1 2 3 4"            two more seeds; what is there stays
#   make tables FAMILY=qwen2.5-7b            the recipes of a published family, on ALFWorld's own games
#
# Each run is a folder <TABLES>/seed-<N>/<variant>, named by what is left out or put in. What is finished is not made again,
# what was interrupted goes on from its last checkpoint or game.

FAMILY ?=
SEEDS ?= 0 1 2
FIT_ARGS ?=
TABLES ?= $(RUNS)/tables$(FAMILY:%=-%)

ifeq ($(FAMILY),)
TABLE_RECIPES := recipes
TABLE_ENV := household
TABLE_LENGTHS := 16 8 4 2 1
TABLE_TERM_LENGTH := 8
TABLE_KEYLESS_LENGTHS := 4
TABLE_KEYLESS_TERM := no-keyword
TABLE_CROSS_FAMILY := recipes/cross-family/stage1.yaml
TABLE_RECEIVER := $(RUNS)/household-qwen2/stage.json
TABLE_DESCRIPTION := recipes/tables/household.yaml
EVAL_ARGS ?= --batch-size 67
else
TABLE_RECIPES := recipes/$(FAMILY)
TABLE_ENV := alfworld
TABLE_LENGTHS := 128 64 32 16 8 4 2 1
TABLE_TERM_LENGTH := 128
TABLE_KEYLESS_LENGTHS :=
TABLE_KEYLESS_TERM :=
TABLE_CROSS_FAMILY := $(if $(filter llama%,$(FAMILY)),recipes/$(FAMILY)/stage1.yaml -c recipes/overlays/from-qwen2.5-7b.yaml)
TABLE_RECEIVER :=
TABLE_DESCRIPTION := recipes/tables/published.yaml
EVAL_ARGS ?=
endif

TABLE_ABLATIONS := no-curriculum no-separation no-alignment no-adapter cot no-cot
TABLE_TERMS := no-task no-preference no-geometry $(TABLE_KEYLESS_TERM)
TABLE_SPLITS := unseen seen
TABLE_STEPS ?= 20
TABLE_CONTROLS := cross-task cov-noise-0.5 cov-noise-1.0 white-noise cov-gauss-0mu cov-gauss-mu random-rot permute zero
TABLE_SHARES := 90 80 70 60 50 40 30 20 10 5

comma := ,
empty :=
joined = $(subst $(empty) $(empty),$(comma),$(strip $(1)))
resumed = $(if $(wildcard $(1)/last.ckpt),--ckpt_path last)
conditions_of = $(if $(filter cot,$(1)),text,$(if $(filter no-cot,$(1)),none,latent))
STAGE1_CONDITIONS := $(call joined,latent text none $(TABLE_CONTROLS:%=latent+%) $(TABLE_SHARES:%=latent:%%) $(TABLE_LENGTHS:%=latent:%))

# $(1) seed, $(2) variant, $(3) recipe and overlays, $(4) what has to be there first
define table_run
$(TABLES)/seed-$(1)/$(2)/stage.json: $(4) | $(READY)
	$(BIN)/lightning fit $(3) $(FIT_ARGS) --seed_everything $(1) --run_folder $$(@D) $$(call resumed,$$(@D))

endef

# $(1) seed, $(2) variant, $(3) conditions, $(4) split
define table_evaluation
TABLE_RESULTS += $(TABLES)/seed-$(1)/$(2)/evaluation/$(TABLE_ENV)-$(4)-$(TABLE_STEPS)-steps/results.json
$(TABLES)/seed-$(1)/$(2)/evaluation/$(TABLE_ENV)-$(4)-$(TABLE_STEPS)-steps/results.json: $(TABLES)/seed-$(1)/$(2)/stage.json
	$(BIN)/interlat-eval --env $(TABLE_ENV) --split $(4) --max-steps $(TABLE_STEPS) --checkpoint $(TABLES)/seed-$(1)/$(2) --conditions $(3) --out $$(@D) $(EVAL_ARGS) --resume

endef

table_variant = $(call table_run,$(1),$(2),$(3),$(4))$(foreach split,$(TABLE_SPLITS),$(call table_evaluation,$(1),$(2),$(5),$(split)))
STAGE1 := -c $(TABLE_RECIPES)/stage1.yaml
STAGE2 := -c $(TABLE_RECIPES)/stage2.yaml
of_stage1 = --model.init_args.actor $(TABLES)/seed-$(1)/stage1

# A seed's first run makes the games and latents that its other runs read.
define table_seed
$(call table_variant,$(1),stage1,$(STAGE1),,$(STAGE1_CONDITIONS))
$(foreach variant,$(TABLE_ABLATIONS),$(call table_variant,$(1),$(variant),$(STAGE1) -c recipes/overlays/$(variant).yaml,$(TABLES)/seed-$(1)/stage1/stage.json,$(call conditions_of,$(variant))))
$(foreach length,$(TABLE_LENGTHS),$(call table_variant,$(1),K$(length),$(STAGE2) $(of_stage1) --model.init_args.compressor.num_latents $(length),$(TABLES)/seed-$(1)/stage1/stage.json,latent:$(length)))
$(foreach length,$(TABLE_KEYLESS_LENGTHS),$(call table_variant,$(1),K$(length)-no-keyword,$(STAGE2) -c recipes/overlays/no-keyword.yaml $(of_stage1) --model.init_args.compressor.num_latents $(length),$(TABLES)/seed-$(1)/stage1/stage.json,latent:$(length)))
$(foreach term,$(TABLE_TERMS),$(call table_variant,$(1),$(term),$(STAGE2) -c recipes/overlays/$(term).yaml $(of_stage1) --model.init_args.compressor.num_latents $(TABLE_TERM_LENGTH),$(TABLES)/seed-$(1)/stage1/stage.json,latent:$(TABLE_TERM_LENGTH)))
$(if $(TABLE_CROSS_FAMILY),$(call table_variant,$(1),cross-family,-c $(TABLE_CROSS_FAMILY),$(TABLES)/seed-$(1)/stage1/stage.json $(TABLE_RECEIVER),latent))
endef

TABLE_RESULTS :=
$(foreach seed,$(SEEDS),$(eval $(call table_seed,$(seed))))

$(RUNS)/household-qwen2/stage.json: | $(READY)
	$(BIN)/lightning fit -c recipes/cross-family/receiver.yaml $(FIT_ARGS) $(call resumed,$(@D))

tables: $(TABLE_RESULTS)  ## every run behind Tables 1, 3, 4 and 6, three seeds, and the tables; hours, resumable
	$(BIN)/interlat-report --table $(TABLE_DESCRIPTION) $(TABLES) --out $(TABLES)/tables
