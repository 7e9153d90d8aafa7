"""Layer 2: training of ensembles (nothing yet)."""
