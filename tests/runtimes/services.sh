# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How each runtime is started. Sourced by run.
#
#   has_CASE          whether it is to be had; says what is missing
#   version_CASE      its version, as the table has it
#   start_CASE PORT   starts it in the cgroup $place; it prints "ready" to
#                     $work/CASE.log when its connection is as it left it
#
# What depends on the sourcing script: $here $build $work $place $go (GOROOT by version), launch.

need() {
	command -v "$1" >/dev/null || { echo "no $1" && return 1; }
}

# --- Go ----------------------------------------------------------------------

go_pair() {
	echo "$build/tests/runtimes/pair-go-$1"
}

# The toolchain is the cached one alone: no download, no C compiler. Without GO111MODULE=on its
# net package would behave as that of Go 1.20 did.
go_build() {
	local goroot=${go[$1]} binary
	binary=$(go_pair "$1")
	[ "$binary" -nt "$here/pair.go" ] && [ "$binary" -nt "$here/services.sh" ] && return
	env -i PATH=/usr/bin:/bin HOME="$build" GOROOT="$goroot" GOCACHE="$build/go-cache" \
		GOTOOLCHAIN=local GO111MODULE=on GOPROXY=off CGO_ENABLED=0 \
		"$goroot/bin/go" build -o "$binary" "$here/pair.go"
}

has_go() {
	[ -n "${go[$1]:-}" ] || { echo "no Go $1 (see above)" && return 1; }
	go_build "$1" >"$out/go-$1.log" 2>&1 || { cat "$out/go-$1.log" && return 1; }
}

version_go() {
	"${go[$1]}/bin/go" version "$(go_pair "$1")" | sed 's/.*: go//'
}

has_mptcp() {
	[ "$(cat /proc/sys/net/mptcp/enabled 2>/dev/null)" = 1 ] ||
		{ echo "no MPTCP in this kernel" && return 1; }
}

has_go-1.19() { has_go 1.19; }
has_go-1.23() { has_go 1.23; }
has_go-1.24() { has_mptcp && has_go 1.24; }
has_go-1.23-mptcp() { has_mptcp && has_go 1.23; }
has_go-1.24-mptcp() { has_mptcp && has_go 1.24; }
version_go-1.19() { version_go 1.19; }
version_go-1.23() { version_go 1.23; }
version_go-1.24() { version_go 1.24; }
version_go-1.23-mptcp() { version_go 1.23; }
version_go-1.24-mptcp() { version_go 1.24; }
start_go-1.19() { launch go-1.19 "$(go_pair 1.19)" "127.0.0.1:$1"; }
start_go-1.23() { launch go-1.23 "$(go_pair 1.23)" "127.0.0.1:$1"; }

listens_by_mptcp() {
	ss -HMln "sport = :$1" | grep -q .
}

start_go-1.24() {
	launch go-1.24 "$(go_pair 1.24)" "127.0.0.1:$1"
	wait_until 20 listens_by_mptcp "$1" || die "Go 1.24 should listen by MPTCP"
}

start_go-1.23-mptcp() {
	launch go-1.23-mptcp env GODEBUG=multipathtcp=1 "$(go_pair 1.23)" "127.0.0.1:$1"
}

# It dials by MPTCP, and listens without: it falls back to TCP.
start_go-1.24-mptcp() {
	launch go-1.24-mptcp env GODEBUG=multipathtcp=3 "$(go_pair 1.24)" "127.0.0.1:$1"
}

# --- JVM, Node.js, Python ----------------------------------------------------

has_jvm() {
	need java && need javac || return 1
	[ "$build/tests/runtimes/Pair.class" -nt "$here/Pair.java" ] ||
		javac -d "$build/tests/runtimes" "$here/Pair.java"
}

version_jvm() {
	java -version 2>&1 | sed -n '1s/.*"\(.*\)".*/\1/p'
}

start_jvm() {
	launch jvm java -XX:-UsePerfData -XX:TieredStopAtLevel=1 -Xmx32m \
		-cp "$build/tests/runtimes" Pair "$1"
}

has_node() { need node; }
version_node() { node --version | sed s/v//; }
start_node() { launch node node "$here/pair.js" "$1"; }

has_python() { need python3; }
has_python-off() { need python3; }
has_python-7200() { need python3; }
version_python() { python3 --version | sed 's/Python //'; }
version_python-off() { version_python; }
version_python-7200() { version_python; }
start_python() { launch python python3 "$here/pair.py" "$1" plain; }
start_python-off() { launch python-off python3 "$here/pair.py" "$1" off; }
start_python-7200() { launch python-7200 python3 "$here/pair.py" "$1" 7200; }

# --- daemons: their peer is this script, outside the policies' cgroups -------

# dial CASE PORT LINE: connect when it listens, say LINE, and wait for the answer.
dial() {
	local peer answer

	wait_until 20 accepts "$2" || die "$1 does not listen: $(cat "$work/$1.log")"
	exec {peer}<>"/dev/tcp/127.0.0.1/$2"
	peers+=("$peer")
	printf '%b' "$3" >&"$peer"
	read -r -t 20 answer <&"$peer" || die "$1 does not answer: $(cat "$work/$1.log")"
	echo ready >>"$work/$1.log"
}

accepts() {
	ss -Htln "sport = :$1" | grep -q .
}

has_redis() { need redis-server; }
version_redis() { redis-server --version | sed 's/.* v=\([^ ]*\).*/\1/'; }

start_redis() {
	launch redis redis-server --port "$1" --bind 127.0.0.1 --tcp-keepalive 300 --save "" \
		--dir "$work"
	dial redis "$1" 'PING\r\n'
}

has_nginx() { need nginx; }
version_nginx() { nginx -v 2>&1 | sed 's,.*/,,; s, .*,,'; }

nginx_conf() {
	cat <<-CONF
		daemon off;
		worker_processes 1;
		user root;
		pid $work/nginx.pid;
		error_log stderr;
		events { worker_connections 16; }
		http {
			access_log off;
			keepalive_timeout 1h;
			client_body_temp_path $work/nginx-1;
			proxy_temp_path $work/nginx-2;
			fastcgi_temp_path $work/nginx-3;
			uwsgi_temp_path $work/nginx-4;
			scgi_temp_path $work/nginx-5;
			server {
				listen 127.0.0.1:$1 so_keepalive=30m::10;
				location / { return 204; }
			}
		}
	CONF
}

start_nginx() {
	nginx_conf "$1" >"$work/nginx.conf"
	launch nginx nginx -p "$work" -c "$work/nginx.conf" -e stderr
	dial nginx "$1" 'GET / HTTP/1.1\r\nHost: here\r\n\r\n'
}

# --- PostgreSQL: not as root, and with a folder of its own -------------------

# What Debian keeps out of PATH.
postgres_bin() {
	find /usr/lib/postgresql -path '*/bin/postgres' -printf '%h\n' 2>/dev/null | sort -V | tail -n 1
}

as_postgres() {
	setpriv --reuid postgres --regid postgres --clear-groups "$@"
}

has_postgresql() {
	need psql || return 1
	[ -n "$(postgres_bin)" ] || { echo "no PostgreSQL server" && return 1; }
	id postgres >/dev/null 2>&1 || { echo "no user postgres" && return 1; }
}

version_postgresql() {
	"$(postgres_bin)/postgres" --version | sed 's/[^0-9]*\([0-9.]*\).*/\1/'
}

# Hidden behind it, in this mount namespace: the clusters that the machine has.
postgres_make() {
	pgdata=/var/lib/postgresql/tw
	[ -d $pgdata ] && return
	mount -t tmpfs -o mode=755 tmpfs /var/lib/postgresql
	install -d -m 700 -o postgres -g postgres $pgdata
	as_postgres env LC_ALL=C "$(postgres_bin)/initdb" --no-sync --auth trust -D $pgdata \
		>"$work/initdb.log" 2>&1 || die "initdb failed: $(cat "$work/initdb.log")"
}

start_postgresql() {
	postgres_make
	rm -f $pgdata/postmaster.pid
	launch postgresql-server setpriv --reuid postgres --regid postgres --clear-groups \
		"$(postgres_bin)/postgres" -D $pgdata -p "$1" -F \
		-c unix_socket_directories= -c listen_addresses=127.0.0.1 \
		-c tcp_keepalives_idle=60 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3 \
		-c tcp_user_timeout=30s
	wait_until 20 pg_isready -q -h 127.0.0.1 -p "$1" ||
		die "PostgreSQL does not listen: $(cat "$work/postgresql-server.log")"
	launch postgresql psql -XAtq "host=127.0.0.1 port=$1 user=postgres" \
		-c "select 'ready'" -c 'select pg_sleep(3600)'
}
