"""The training losses: pure functions of logits, latents and masks, in nats. They know no model and no trainer."""

from interlat.losses.alignment import alignment_loss
from interlat.losses.divergence import js_divergence, kl_divergence
from interlat.losses.geometry import geometry_loss
from interlat.losses.margin import margin_loss
from interlat.losses.masking import next_token_pairs, supervised_logits
from interlat.losses.preference import preference_loss
from interlat.losses.separation import separation_loss
from interlat.losses.task import task_loss

__all__ = [
    "alignment_loss",
    "geometry_loss",
    "js_divergence",
    "kl_divergence",
    "margin_loss",
    "next_token_pairs",
    "preference_loss",
    "separation_loss",
    "supervised_logits",
    "task_loss",
]
