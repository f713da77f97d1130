# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A place of one's own for a script that enforces policies. What is mounted in it
# (a bpffs, network namespaces) vanishes with its last process. Only the cgroups
# are in the machine's tree; the first process, outside, ends whatever is in
# them and removes them. Source it.

die() {
	echo "${PRIVATE_NAME:-tests}: $*" >&2
	exit 1
}

cgroup2_mount() {
	awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") { print $5; exit } }' \
		/proc/self/mountinfo
}

# private_run NAME "CGROUP..." "TOOL..." COMMAND...: makes a cgroup tw-NAME-PID with these
# below it, enters it, and runs COMMAND TOP TREE with a mount namespace of its own.
# TOP is the tree as policies name it, TREE is its folder.
private_run() {
	PRIVATE_NAME=$1
	local cgroups=$2 tools=$3 tool mount cgroup
	shift 3
	[ "$(id -u)" = 0 ] || die "needs root, for cgroups, namespaces and BPF: sudo make $PRIVATE_NAME"
	for tool in unshare $tools; do
		command -v "$tool" >/dev/null || die "$tool is missing: make deps"
	done
	mount=$(cgroup2_mount)
	[ -n "$mount" ] || die "no cgroup2 is mounted: mount -t cgroup2 none /sys/fs/cgroup/unified"
	PRIVATE_TREE=$mount/tw-$PRIVATE_NAME-$$
	trap private_clean EXIT
	trap 'exit 130' INT TERM
	for cgroup in $cgroups; do
		mkdir -p "$PRIVATE_TREE/$cgroup"
	done
	(
		echo "$BASHPID" >"$PRIVATE_TREE/cgroup.procs"
		exec unshare --mount --net --propagation private -- "$@" "/${PRIVATE_TREE##*/}" "$PRIVATE_TREE"
	) &
	wait $!
}

private_pids() {
	find "$PRIVATE_TREE" -name cgroup.procs -exec cat {} + 2>/dev/null
}

private_clean() {
	local deadline=$((SECONDS + 10))
	while [ -d "$PRIVATE_TREE" ]; do
		private_pids | xargs -r kill -9 2>/dev/null || true
		find "$PRIVATE_TREE" -depth -type d -exec rmdir {} \; 2>/dev/null || true
		[ $SECONDS -lt $deadline ] || die "$PRIVATE_TREE cannot be removed"
		[ ! -d "$PRIVATE_TREE" ] || sleep 0.05
	done
}

# wait_until SECONDS COMMAND...: until it succeeds; fails when the time is over.
wait_until() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.05
	done
}
