"""What holds for all unit tests."""

from hypothesis import settings

# How long an example takes says nothing here: machines that run tests are busy.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
