"""From a URI to bytes: which URIs may be opened (doors), and one module for each way of opening them."""
