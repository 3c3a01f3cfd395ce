#!/bin/sh
# `server /data` and `silo server /data` are the same; anything else that starts with a slash is run as it is.
set -eu
case "${1:-}" in
    silo | minio | /*) ;;
    *) set -- silo "$@" ;;
esac
exec "$@"
