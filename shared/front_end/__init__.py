"""From samples to what the networks listen to: mel power, its rounding, and which pieces of a track are analysed."""
