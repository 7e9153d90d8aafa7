"""A genre head: a small classifier on the embeddings of networks that others have trained. scikit-learn, no PyTorch."""
