"""How good labels are: scores of genres that exclude one another, and of tags that do not. Pure functions on arrays."""
