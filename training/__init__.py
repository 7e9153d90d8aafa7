"""Training: data sets, networks, losses, the trainer, export. PyTorch is known here and nowhere else."""
