module de-airflow-pipeline/tests/local/pod

go 1.24
