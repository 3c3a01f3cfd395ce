# Another environment's: see test_in_airflow.py.
collect_ignore = ["inside"]
