# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the benchmarks that look at `run` from outside have in common. Source it after
# private.sh; $warden is the program.

now_us() {
	echo "${EPOCHREALTIME/./}"
}

# Of a process: "VmRSS", "voluntary_ctxt_switches", ...
proc_field() {
	awk -v key="$2:" '$1 == key { print $2 }' "/proc/$1/status"
}

# start_us OPTION...: us from the start of `run --once` to the line that says that it enforces.
start_us() {
	local line begin end=
	begin=$(now_us)
	while read -r line; do
		[[ $line != *"generation 1,"* ]] || end=$(now_us)
	done < <("$warden" run --once --no-sweep "$@" 2>&1)
	[ -n "$end" ] || die "it did not say that it enforces"
	echo $((end - begin))
	"$warden" detach >/dev/null
}

# The ids of the maps that a map of maps holds.
inner_maps() {
	local id
	bpftool map dump pinned "$1" -j | jq -r '.[].value | reverse | map(ltrimstr("0x")) | "0x" + join("")' |
		while read -r id; do
			echo $((id))
		done
}

# The memory of all pinned maps and what is in them, in bytes, as the kernel reckons. Records of
# sockets are charged to no map: see memory_used.
maps_bytes() {
	local pin id
	for pin in /sys/fs/bpf/tcpwarden/v1/tw_*; do
		bpftool map show pinned "$pin" -j
		case $(bpftool map show pinned "$pin" -j | jq -r .type) in
		array_of_maps)
			for id in $(inner_maps "$pin"); do
				bpftool map show id "$id" -j
			done
			;;
		esac
	done | jq -s 'map(.bytes_memlock) | add'
}
