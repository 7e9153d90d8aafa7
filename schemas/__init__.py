"""Layer 0: what crosses a wire. Events, topics, taxonomy and the error tree; imports nothing else of ours."""
