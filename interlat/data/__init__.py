"""Trajectories, plans, latents and batches; knows nothing of Lightning, and of environments only what a protocol says."""
