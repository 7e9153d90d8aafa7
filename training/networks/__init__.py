"""Networks: compressed mel patches [n, frames, bands] in, logits [n, tags] out."""
