# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tables that the README has from a run's results. Sourced, with TOP set to the top folder.

README=${README:-$TOP/README.md}

# readme_put NAME: standard input replaces what is between the README's markers of that name.
readme_put() {
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

# readme_main NAME FUNCTION [--print]. For scripts that end at an error: the README is then as it was.
readme_main() {
	local text

	if [[ ${3:-} == --print ]]; then
		"$2"
	else
		text=$(set -e; "$2")
		readme_put "$1" <<<"$text"
	fi
}
