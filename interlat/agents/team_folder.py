"""Saves a trained team into a run folder and loads it back. Knows no Lightning and no environment.

<folder>/stage.json                 "stage": "team", the team's settings, the texts of its roles; the actor's as of stage 1
<folder>/actor/, tokenizer/, adapter.safetensors     the actor, as ``run_folder`` writes it
<folder>/team/<model>/              full weights, or the LoRA on top of the named backbone, and the tokenizer; one
                                    folder a member, or one called "shared"; none where members are frozen
<folder>/team.safetensors           bridges, links and fusions
"""

from dataclasses import replace
from pathlib import Path

from safetensors.torch import save_file
from torch import nn
from transformers import AutoTokenizer

from interlat.agents.compressor import CompressorSettings
from interlat.agents.run_folder import _load_lm, _load_weights, _save_lm, read_stage
from interlat.agents.team import LM, Team
from interlat.agents.team_settings import team_settings
from interlat.errors import CheckpointMismatch
from interlat.models import add_boundary_tokens, load_causal_lm

TEAM_STAGE = "team"


def save_team(team: Team, folder: Path) -> None:
    """Write a team's language models, unless they are frozen, and its bridges, links and fusions."""
    for name, lm in team.lms.items() if team.settings.weights != "frozen" else ():
        _save_lm(lm, folder / "team" / name)
        team.tokenizers[name].save_pretrained(folder / "team" / name)
    weights = {name: tensor.contiguous() for name, tensor in _beside_models(team).state_dict().items()}
    save_file(weights, folder / "team.safetensors")


def load_team(folder: Path, dtype: str | None = None) -> Team:
    """Load a team, in eval mode.

    Args:
        folder: of a team's run.
        dtype: of the weights; None takes the one they were trained in.

    Raises:
        CheckpointMismatch: if the folder is not of a team or incomplete.
    """
    stage = read_stage(folder)
    if stage.get("stage") != TEAM_STAGE:
        raise CheckpointMismatch(
            f"wanted a run of stage '{TEAM_STAGE}' in '{folder}', but it is of stage '{stage.get('stage')}'; "
            "train one with 'lightning fit -c recipes/household/chain.yaml', or correct the path"
        )
    settings = team_settings(stage["team"])
    settings = replace(settings, dtype=dtype or settings.dtype)
    models = {}
    for member in settings.members:
        name, backbone = settings.model_of(member), member.backbone or settings.backbone
        if name in models:
            continue
        if settings.weights == "frozen":
            lm, tokenizer = load_causal_lm(backbone, settings.dtype, settings.tokenizer)
            add_boundary_tokens(lm, tokenizer)
            models[name] = (lm, tokenizer)
        else:
            made_of = CompressorSettings(
                backbone, tokenizer=settings.tokenizer, lora=settings.lora, dtype=settings.dtype
            )
            loaded: LM = _load_lm(folder / "team" / name, made_of)
            models[name] = (loaded, AutoTokenizer.from_pretrained(folder / "team" / name))
    team = Team(settings, models, stage["roles"], stage["sender_dim"])
    _load_weights(_beside_models(team), folder / "team.safetensors")
    return team.eval()


def _beside_models(team: Team) -> nn.Module:
    """All that a team learns beside its language models."""
    return nn.ModuleDict({"speakers": team.speakers, "ears": team.ears})
