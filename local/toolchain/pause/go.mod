module de-airflow-pipeline/local/toolchain/pause

go 1.24.0
