"""The consumer groups: one a worker, named here because workers look at each other's lag."""

from typing import Final

EXTRACTOR: Final = "needledrop-extractor"
CLASSIFIER: Final = "needledrop-classifier"
PROJECTOR: Final = "needledrop-projector"
TRENDS: Final = "needledrop-trends"
