"""Latent communication between language-model agents: messages, adapters, losses, stages and evaluation."""

__version__ = "0.1.0"
