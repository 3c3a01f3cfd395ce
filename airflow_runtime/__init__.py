"""What runs inside Airflow: mounted into its pods, imported by nothing outside them. Standard library, boto3 and
Airflow only."""
