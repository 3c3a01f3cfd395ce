"""Property tests that write files take as long as the disk does."""

from hypothesis import settings

settings.register_profile("quick", deadline=None, max_examples=50)
settings.load_profile("quick")
