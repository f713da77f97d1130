# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Packages of Debian suites that the machine itself need not have in its sources. The package
# client is the machine's own, with lists and archives in a cache folder of the test's; it
# verifies signatures with the keyring of the package debian-archive-keyring. Lists are
# refreshed at most once a day.
#
# Source it, with these set:
#   ARCHIVE_NAME    what messages begin with
#   ARCHIVE_CACHE   the folder of the test's; the client's files are in its .apt
#   ARCHIVE_SUITES  a file with a line "ARCHIVE SUITE" for each suite; # begins a comment
#   ARCHIVE_ARCH    whose packages, amd64 where it is not set; to each its own ARCHIVE_CACHE
# ARCHIVE_STALE is "yes" where the lists could not be read anew.

ARCHIVE_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
ARCHIVE_DAY=86400
ARCHIVE_STALE=''
ARCHIVE_READY=''
ARCHIVE_APT=$ARCHIVE_CACHE/.apt
ARCHIVE_ARCH=${ARCHIVE_ARCH:-amd64}

say() {
	printf '%s: %s\n' "$ARCHIVE_NAME" "$*" >&2
}

# Without comments.
archive_listed() {
	grep -v -e '^#' -e '^$' "$1"
}

# The mirror in the machine's own sources; TW_DEBIAN_MIRROR where that is no Debian.
archive_mirror() {
	if [[ ${TW_DEBIAN_MIRROR:-} ]]; then
		echo "${TW_DEBIAN_MIRROR%/}"
		return
	fi
	# shellcheck disable=SC2016 # the package client expands it
	apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Created-By: Packages' |
		sed -n 's,/debian/*$,/debian,p' | head -n 1
}

archive_sources() {
	local base=$1 archive suite uri

	archive_listed "$ARCHIVE_SUITES" | while read -r archive suite; do
		uri=$base
		[[ $archive == security ]] && uri=${base%/debian}/debian-security
		echo "deb [arch=$ARCHIVE_ARCH signed-by=$ARCHIVE_KEYRING] $uri $suite main"
	done
}

# No Valid-Until: a suite at its end of life is no longer signed anew.
archive_conf() {
	cat <<-CONF
		Dir::State "$ARCHIVE_APT/state";
		Dir::State::status "$ARCHIVE_APT/status";
		Dir::Cache "$ARCHIVE_APT/cache";
		Dir::Cache::pkgcache "pkgcache.bin";
		Dir::Cache::srcpkgcache "srcpkgcache.bin";
		Dir::Etc::sourcelist "$ARCHIVE_APT/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		APT::Architecture "$ARCHIVE_ARCH";
		APT::Architectures { "$ARCHIVE_ARCH"; };
		APT::Sandbox::User "root";
		APT::Get::List-Cleanup "true";
		APT::Update::Error-Mode "any";
		Acquire::Languages "none";
		Acquire::Check-Valid-Until "false";
		Acquire::Retries "2";
		Acquire::http::Timeout "20";
		Acquire::https::Timeout "20";
	CONF
}

archive_prepare() {
	local base apt=$ARCHIVE_APT

	[[ -r $ARCHIVE_KEYRING ]] || {
		say "$ARCHIVE_KEYRING is missing: install debian-archive-keyring"
		return 1
	}
	base=$(archive_mirror)
	[[ $base ]] || { say "no Debian mirror in the sources of apt: set TW_DEBIAN_MIRROR"; return 1; }
	mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
	: >"$apt/status"
	archive_conf >"$apt/apt.conf"
	archive_sources "$base" >"$apt/sources.list.new"
	cmp -s "$apt/sources.list.new" "$apt/sources.list" || rm -f "$apt/stamp"
	mv "$apt/sources.list.new" "$apt/sources.list"
}

# archive_run TOOL ARGUMENT...: apt-get, apt-cache.
archive_run() {
	local tool=$1

	shift
	LC_ALL=C "$tool" -c "$ARCHIVE_APT/apt.conf" "$@"
}

# archive_fresh FILE: it is there, and not a day old.
archive_fresh() {
	[[ -e $1 ]] && (($(date +%s) - $(stat -c %Y "$1") < ARCHIVE_DAY))
}

archive_refresh() {
	archive_fresh "$ARCHIVE_APT/stamp" && return
	say "reading the package lists"
	if archive_run apt-get -qq update >"$ARCHIVE_APT/update.log" 2>&1; then
		touch "$ARCHIVE_APT/stamp"
		return
	fi
	# shellcheck disable=SC2034 # the caller's
	ARCHIVE_STALE=yes
	say "not every package list could be read; going on with what is there:"
	grep -E '^[EW]:' "$ARCHIVE_APT/update.log" | head -n 5 >&2 || true
}

# Once a run, and only when something has to be resolved.
archive_ready() {
	[[ $ARCHIVE_READY ]] || { archive_prepare && archive_refresh && ARCHIVE_READY=yes; } ||
		ARCHIVE_READY=no
	[[ $ARCHIVE_READY == yes ]]
}

# A version that is gone from the mirror: read the lists again next time.
archive_forget() {
	rm -f "$ARCHIVE_APT/stamp"
}

archive_check_sha256() {
	local package=$1 version=$2 file=$3 want have

	want=$(archive_run apt-cache show "$package=$version" | awk '/^SHA256:/ { print $2; exit }')
	have=$(sha256sum "$file" | cut -d ' ' -f 1)
	[[ $want && $want == "$have" ]] && return
	say "$package $version: SHA256 is $have, the package list says ${want:-nothing}"
	return 1
}

# archive_unpack PACKAGE VERSION FOLDER: what the package holds, into FOLDER/root.
archive_unpack() {
	local package=$1 version=$2 dir=$3 log=$3/apt.log deb

	if ! (cd "$dir" && archive_run apt-get -qq download "$package=$version" >"$log" 2>&1); then
		say "$package $version could not be downloaded:"
		grep -v '^Get:' "$log" | head -n 5 >&2
		return 1
	fi
	deb=$(echo "$dir/$package"_*.deb)
	archive_check_sha256 "$package" "$version" "$deb" || return 1
	dpkg-deb -x "$deb" "$dir/root" || { say "$deb could not be unpacked"; return 1; }
	rm -f "$deb"
}
