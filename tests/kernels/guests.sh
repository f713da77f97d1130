# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Guests: kernels from the cache, booted under QEMU with one image, two at a time. Sourced.
#
# Whoever sources it sets GUESTS_OUT and GUESTS_TIMEOUT, and calls guests_of first. GUESTS_OUT/KEY/
# holds, after a run: console.log (kernel messages, standard error), results (what the guest wrote
# on its second serial line) and state:
#   ok        the guest came to its end line
#   panic     the kernel stopped, or would not boot
#   hang      no end line within GUESTS_TIMEOUT seconds
#   no end    QEMU ended before the end line

HERE=${HERE:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)}
# shellcheck disable=SC2034 # for those who source this
TOP=$(cd "$HERE/../.." && pwd)
GUESTS_AT_ONCE=2
# Programs of the machine that tests in the guest run, with their shared libraries. The shell is
# not busybox, which would run its own ip whatever PATH says.
GUESTS_TOOLS=(dash ip tc nft ipvsadm redis-server nginx)
# Below this folder: theirs, where the guest is of another architecture (make test-kernels unpacks them).
TOOLS=

declare -A GUEST_PID=() GUEST_FOLDER=() GUEST_SINCE=()

guests_listed() {
	grep -v -e '^#' -e '^$' "$HERE/kernels"
}

# guests_blocking KEY: whether a failure there fails the run.
guests_blocking() {
	guests_listed | awk -v k="$1" '$1 == k { found = $3 != "moves" } END { exit !found }'
}

# guests_of KEY...: what their architecture is, and what its machine is like. All are of one.
# The one machine has two serial lines, the other takes a second on the bus, and has two processors.
# PATIENCE: seconds that the suite may take.
guests_of() {
	case $* in
	*-arm64*)
		[[ $(printf '%s\n' "$@" | grep -vc -e '-arm64$') == 0 ]] || return 1
		ARCH=arm64 BUILD=$TOP/build/arm64 TOOLS=$TOP/build/tools-arm64 CONSOLE=ttyAMA0 RESULTS=ttyS0
		QEMU=${QEMU:-qemu-system-aarch64}
		MACHINE=(-M virt -cpu "${CPU:-neoverse-n1}" -device "pci-serial,chardev=results")
		PROCESSORS=(-accel "tcg,thread=multi" -smp 2) PATIENCE=12000
		;;
	*)
		ARCH=amd64 BUILD=$TOP/build TOOLS= CONSOLE=ttyS0 RESULTS=ttyS1
		QEMU=${QEMU:-qemu-system-x86_64}
		MACHINE=(-M pc -serial chardev:results)
		PROCESSORS=(-accel "tcg,thread=single") PATIENCE=4000
		;;
	esac
}

# guests_missing: what the machine lacks, one a line.
guests_missing() {
	local tool

	[[ $(uname -m) == x86_64 ]] || echo "an x86-64 machine (this one is $(uname -m))"
	for tool in "$QEMU" setpriv timeout cpio flock apt-get dpkg-deb readelf; do
		command -v "$tool" >/dev/null || echo "the program $tool"
	done
	[[ -x $TOOLS/bin/busybox ]] && file_is_static "$TOOLS/bin/busybox" ||
		echo "a static $TOOLS/bin/busybox (busybox-static)"
}

file_is_static() {
	! readelf -lW "$1" | grep -q INTERP
}

# guests_fetch KEY...: fills GUEST_FOLDER; a key that is not to be had stays out of it.
guests_fetch() {
	local key folder

	while IFS=$'\t' read -r key folder; do
		GUEST_FOLDER[$key]=$folder
	done < <(ARCH=$ARCH "$HERE/fetch" "$@")
}

# --- the image ---------------------------------------------------------------

# The interpreter and the libraries that a program or library names.
image_needs() {
	readelf -ldW "$1" | sed -n 's/.*program interpreter: \(.*\)\]/\1/p; s/.*(NEEDED).*\[\(.*\)\]/\1/p'
}

# image_add PATH ROOT: a program, at its own path, with the shared libraries that it and they name.
image_add() {
	local path=$1 root=$2 name file

	[[ -e $root$path ]] && return
	install -D "$TOOLS$path" "$root$path"
	for name in $(image_needs "$TOOLS$path"); do
		for file in "$TOOLS/$name" "$TOOLS"{,/usr}/lib/*-linux-gnu/"$name"; do
			if [[ -f $file ]]; then
				image_add "${file#"$TOOLS"}" "$root"
				break
			fi
		done
	done
}

image_path() {
	local folder

	for folder in /usr/sbin /usr/bin /bin /sbin; do
		[[ -x $TOOLS$folder/$1 ]] && echo "$folder/$1" && return
	done
	return 1
}

image_etc() {
	mkdir -p "$1/etc"
	printf '%s\n' root:x:0:0::/:/bin/sh www-data:x:33:33::/:/bin/false \
		nobody:x:65534:65534::/:/bin/false >"$1/etc/passwd"
	printf '%s\n' root:x:0: www-data:x:33: nogroup:x:65534: >"$1/etc/group"
	printf '%s\n' '127.0.0.1 localhost' '::1 localhost' >"$1/etc/hosts"
}

image_pack() {
	(cd "$1" && find . | cpio --quiet -o -H newc -R 0:0)
}

# guests_image NAME=FILE...: what is the same for all kernels; each FILE becomes /usr/bin/NAME.
guests_image() {
	local root=$GUESTS_OUT/image program tool path

	rm -rf "$root"
	mkdir -p "$root/bin" "$root/usr/bin"
	install "$HERE/init" "$root/init"
	install "$TOOLS/bin/busybox" "$root/bin/busybox"
	for program in "$@"; do
		install "${program#*=}" "$root/usr/bin/${program%%=*}"
	done
	for tool in "${GUESTS_TOOLS[@]}"; do
		path=$(image_path "$tool") && image_add "$path" "$root"
	done
	cp "$TOOLS$(image_path dash)" "$root/bin/sh"
	image_etc "$root"
	image_pack "$root" >"$GUESTS_OUT/image.cpio"
}

# A kernel reads several archives one after the other as one.
image_for() {
	local key=$1 root=$GUESTS_OUT/$1/root

	mkdir -p "$root"
	cp -r "${GUEST_FOLDER[$key]}/modules" "$root/modules"
	{ cat "$GUESTS_OUT/image.cpio"; image_pack "$root"; } >"$GUESTS_OUT/$key/initrd"
	rm -r "$root"
}

# --- one guest ---------------------------------------------------------------

# guest_start KEY APPEND [QEMU OPTION...]: in the background, as a child of this very shell: if
# that is killed, `timeout` gets a TERM and QEMU with it.
guest_start() {
	local key=$1 append=$2 dir=$GUESTS_OUT/$1

	shift 2
	rm -rf "$dir"
	mkdir -p "$dir"
	cp "${GUEST_FOLDER[$key]}/version" "$dir/version"
	image_for "$key"
	setpriv --pdeathsig TERM timeout -k 5 "$GUESTS_TIMEOUT" setpriv --pdeathsig KILL \
		"$QEMU" -m 1G -nodefaults -display none -no-reboot -nic none "$@" -serial "file:$dir/console.log" \
		-chardev "file,id=results,path=$dir/results" "${MACHINE[@]}" \
		-kernel "${GUEST_FOLDER[$key]}/vmlinuz" -initrd "$dir/initrd" \
		-append "console=$CONSOLE results=$RESULTS panic=-1 oops=panic mitigations=off quiet loglevel=5 $append" \
		</dev/null >"$dir/qemu.log" 2>&1 &
	GUEST_PID[$!]=$key
	GUEST_SINCE[$key]=$SECONDS
}

guest_state() {
	local dir=$GUESTS_OUT/$1 status=$2

	if [[ $(tail -n 1 "$dir/results" 2>/dev/null) == 'guest: end' ]]; then
		echo ok
	elif grep -aq 'Kernel panic' "$dir/console.log" 2>/dev/null; then
		echo panic
	elif ((status == 124 || status == 137)); then
		echo hang
	else
		echo "no end"
	fi
}

# What a person wants to see first: the reason, from the end of what was written.
guest_why() {
	local dir=$GUESTS_OUT/$1

	case $(<"$dir/state") in
	panic) grep -am 1 'Kernel panic' "$dir/console.log" | sed 's/^\[[^]]*\] *//' ;;
	hang) echo "no end line after $GUESTS_TIMEOUT s; the last line is: $(tail -n 1 "$dir/results")" ;;
	'no end') echo "QEMU ended early: $(tail -n 1 "$dir/qemu.log")" ;;
	esac
}

guest_reap() {
	local pid status=0 key

	wait -n -p pid "${!GUEST_PID[@]}" || status=$?
	key=${GUEST_PID[$pid]}
	unset "GUEST_PID[$pid]"
	rm -f "$GUESTS_OUT/$key/initrd"
	guest_state "$key" "$status" >"$GUESTS_OUT/$key/state"
	printf 'kernels: %s: %s after %d s\n' "$key" "$(<"$GUESTS_OUT/$key/state")" \
		"$((SECONDS - ${GUEST_SINCE[$key]}))" >&2
}

guests_stop() {
	[[ ${#GUEST_PID[@]} == 0 ]] && return
	kill "${!GUEST_PID[@]}" 2>/dev/null
	wait "${!GUEST_PID[@]}" 2>/dev/null
}

# guests_run APPEND [QEMU OPTION...] -- KEY...: all of them, GUESTS_AT_ONCE at a time.
guests_run() {
	local options=() key

	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	for key in "$@"; do
		while ((${#GUEST_PID[@]} >= GUESTS_AT_ONCE)); do
			guest_reap
		done
		guest_start "$key" "${options[@]}"
	done
	while ((${#GUEST_PID[@]})); do
		guest_reap
	done
}
