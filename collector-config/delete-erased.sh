#!/bin/sh
# Deletes from files of the archive what erased installations sent. The rows of
# sql/erased.sql as CSV are read from the standard input, the files are arguments:
#
#   go run -C cmd/query . -archive "$PWD/archive/usage*.jsonl" ../../sql/erased.sql | sh delete-erased.sh archive/usage*.jsonl
#
# Stop the Collector before: it has the newest file open. The requests for deletion
# stay, so that what arrives late is left out too.
set -eu
ids=$(mktemp)
trap 'rm -f "$ids"' EXIT
tr -d '\r"' | sed 1d | cut -d, -f1 | grep . >"$ids" || exit 0 # nothing is to be deleted
for file; do
	awk 'NR == FNR { erased[$0]; next }
		/"otelusage.erased"/ { print; next }
		match($0, /"service\.instance\.id","value":\{"stringValue":"[^"]*"/) {
			split(substr($0, RSTART, RLENGTH), part, "\"")
			if (part[8] in erased) next
		}
		{ print }' "$ids" "$file" >"$file.new"
	mv "$file.new" "$file"
done
