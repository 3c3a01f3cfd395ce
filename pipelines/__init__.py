"""Images and DAG configs read into typed records: no Pulumi, no cluster, no network."""
