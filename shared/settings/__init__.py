"""Settings: typed, validated at start, from ``NEEDLEDROP_*`` in the environment. Listed in docs/settings.md."""
