# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the tables of the kernels in the README have in common. Sourced.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/readme.sh
. "$HERE/../lib/readme.sh"

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
