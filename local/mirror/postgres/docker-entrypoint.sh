#!/bin/bash
# The part of the official image's entry point that a cluster needs: make an empty PGDATA a database, then run the server.
set -Eeuo pipefail

refuse() { echo "docker-entrypoint.sh: $*" >&2; exit 1; }

[ "${1:-}" = postgres ] || exec "$@"
[ "$(id -u)" != 0 ] || refuse "this stand-in does not start as root: set runAsUser 999"

umask 077
mkdir -p "$PGDATA"
chmod 700 "$PGDATA" 2>/dev/null || true

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    user=${POSTGRES_USER:-postgres}
    database=${POSTGRES_DB:-$user}
    password=${POSTGRES_PASSWORD:-}
    if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
        [ -z "$password" ] || refuse "both POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are set"
        password=$(< "$POSTGRES_PASSWORD_FILE")
    fi
    [ -n "$password" ] || refuse "POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE is needed to make the database"

    # initdb drops what it began when it fails, but a kill leaves a half: nothing of it is in use without PG_VERSION.
    find "$PGDATA" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
    # shellcheck disable=SC2086
    initdb --username="$user" --pwfile=<(printf '%s\n' "$password") --encoding=UTF8 \
        --auth-local=trust --auth-host=scram-sha-256 ${POSTGRES_INITDB_ARGS:-}
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    if [ "$database" != postgres ]; then
        printf 'CREATE DATABASE "%s";\n' "${database//\"/\"\"}" \
            | postgres --single -D "$PGDATA" postgres > /dev/null
    fi
    unset password
fi

unset POSTGRES_PASSWORD
exec "$@"
