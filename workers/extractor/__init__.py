"""The extractor: fetches a submitted track, decodes it in a worker process, and passes on what its signal says."""
