# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the tables in the README have in common. Sourced.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
README=${README:-$TOP/README.md}

# tables_keys FOLDER: the kernels whose guest came to its end there, in the list's order.
tables_keys() {
	grep -v -e '^#' -e '^$' "$HERE/kernels" | while read -r key _; do
		[[ -r $1/$key/state && $(<"$1/$key/state") == ok ]] && echo "$key"
	done
}

# Upstream's part of the package's version.
tables_release() {
	sed 's/-.*//' "$1/version"
}

# tables_put NAME: standard input replaces what is between the README's markers of that name.
tables_put() {
	local new

	if ! grep -qx "<!-- $1:begin -->" "$README" || ! grep -qx "<!-- $1:end -->" "$README"; then
		echo "$README has no lines <!-- $1:begin --> and <!-- $1:end -->" >&2
		return 1
	fi
	new=$(mktemp "$README.XXXXXX") || return 1
	awk -v name="$1" '
		FILENAME == "-" { text = text $0 "\n"; next }
		!inside { print }
		$0 == "<!-- " name ":begin -->" { inside = 1; printf "%s", text }
		$0 == "<!-- " name ":end -->" { inside = 0; print }
	' - "$README" >"$new" && cat "$new" >"$README"
	rm "$new"
}

# tables_main NAME FUNCTION [--print]
tables_main() {
	if [[ ${3:-} == --print ]]; then
		"$2"
	else
		"$2" | tables_put "$1"
	fi
}
