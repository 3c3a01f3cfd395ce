#!/bin/sh
# list_results.sh PATH LISTING: PATH was committed whole and can be read; what is in it is written to LISTING.
set -eu
path=$1 listing=$2
hadoop-fs -test -e "$path/_SUCCESS"
hadoop-fs -ls -R "$path" | tee listing.txt
hadoop-fs -count "$path" | tee -a listing.txt
part=$(sed -n 's|.* \(s3a://.*\.parquet\)$|\1|p' listing.txt)
test "$(printf '%s\n' "$part" | wc -l)" = 1
hadoop-fs -get "$part" part.parquet
test "$(head -c 4 part.parquet)" = PAR1
hadoop-fs -put -f -d listing.txt "$listing"
