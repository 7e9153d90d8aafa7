"""Layer 2 and 3: the workers, which never import each other, and the command line above them."""
