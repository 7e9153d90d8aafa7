"""The catalog over HTTP: our API, and the dialect that clients of Spotify speak."""
