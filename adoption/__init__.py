"""DAG files that a team brings: what they must change for this platform and Airflow 3, and the mechanical part done.

Pure: a file's bytes in, findings and edits out. Nothing of the file is imported or runs. An edit is a span of the text
and its replacement, found in the concrete syntax tree; what lies outside every edit stays byte for byte.
"""
