#!/usr/bin/env bash
# Makes .venv from the pinned requirements where it is missing or stale: venv.sh PYTHON STAMP.
set -euo pipefail
python=$1 stamp=$2
wanted=$({ "$python" --version; cat requirements.txt requirements-dev.txt requirements-aws.txt; } | sha256sum)
[ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    { echo "Python 3.11 or newer is needed, $python is $("$python" --version): set PYTHON=<path>" >&2; exit 1; }
echo "making .venv from requirements-dev.txt"
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    # Debian keeps what `python3 -m venv` needs in a package of its own.
    { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; } ||
        { echo "this Python cannot make a virtual environment: install python3-venv" >&2; exit 1; }
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq --yes --no-install-recommends python3-venv >/dev/null
fi
rm -f "$stamp"
# One that was interrupted half-way, or made by another Python, is made anew.
"$python" -m venv --clear .venv
# uv installs in seconds what pip takes a minute for. Neither leaves a cache outside the clone.
.venv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check "$(grep '^uv==' requirements-dev.txt)"
.venv/bin/uv pip install --quiet --no-cache --python .venv/bin/python --requirement requirements-dev.txt
# infra/provider_packages.py says why not beside the others.
.venv/bin/uv pip install --quiet --no-cache --no-deps --python .venv/bin/python --target .venv/provider-packages \
    --requirement requirements-aws.txt
echo "$wanted" >"$stamp"
