"""What a track sounds like, on Spotify's scale: one definition a feature, filled by the extractor and the classifier."""
