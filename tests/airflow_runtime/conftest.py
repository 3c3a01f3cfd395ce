"""Property tests that write files take as long as the disk does."""

from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# Another environment's: see test_in_airflow.py.
collect_ignore = ["inside"]
