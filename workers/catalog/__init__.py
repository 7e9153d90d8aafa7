"""The catalog: the first recommender. Follows labels and failures; selects, compares and recommends over HTTP."""
