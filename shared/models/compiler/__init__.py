"""Compiles the published architectures into one graph that computes the same with a quarter of the work.

Read in this order: `architectures` (weights become layers, or are refused), `intervals` and `liveness` (analyse),
`folding`, `musicnn` and `vgg` (fold and prune), `layout` (lay out), `musicnn_graph`, `vgg_graph` and `emission` (emit),
`probes` and `verification` (verify), and `ensemble`, which does all that.
"""
