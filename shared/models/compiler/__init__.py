"""Compiles the published architectures into one graph that computes the same with a quarter of the work.

Read in this order: `architectures` (weights become layers, or are refused); `intervals`, `liveness` (analyse);
`folding`, `musicnn`, `vgg` (fold and prune); `layout` (lay out); `emission`, `musicnn_front_end`, `musicnn_graph`,
`vgg_graph` (emit); `probes`, `verification` (verify); `ensemble`, which does all that; `costs`, which counts.
"""
