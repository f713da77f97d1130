// SPDX-License-Identifier: GPL-2.0-only
/* Sockets of every kind, and what tcpwarden says of each. */
#include "samples.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define UNSET 0, 7200, 75, 9, 0

/* --- who a socket is --- */

/* IPv4 too: its port and address stand within an IPv6 one. */
static void format_address(const struct sockaddr_in6 *in6, char *out, size_t size)
{
	const struct sockaddr_in *in = (const void *)in6;
	char host[INET6_ADDRSTRLEN];

	if (in6->sin6_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(out, size, "%s:%d", host, ntohs(in->sin_port));
	} else if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], host, sizeof(host));
		snprintf(out, size, "%s:%d", host, ntohs(in6->sin6_port));
	} else {
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(out, size, "[%s]:%d", host, ntohs(in6->sin6_port));
	}
}

static long long netns_of(int fd)
{
	_cleanup_close_ int netns = SYS(ioctl(fd, SIOCGSKNS));
	struct stat st;

	SYS(fstat(netns, &st));
	return (long long)st.st_ino;
}

struct tw_identity tw_identity(int fd)
{
	struct tw_identity identity = { .netns = netns_of(fd) };
	struct sockaddr_in6 address = { 0 };
	socklen_t len = sizeof(address);

	SYS(getsockname(fd, (struct sockaddr *)&address, &len));
	format_address(&address, identity.local, sizeof(identity.local));
	len = sizeof(address);
	if (getpeername(fd, (struct sockaddr *)&address, &len) == 0)
		format_address(&address, identity.remote, sizeof(identity.remote));
	return identity;
}

/* --- the samples --- */

/* L + max(interval / 2, L / 8) in milliseconds, of DESIGN.md, section 2. */
static int auto_user_timeout(const struct tw_values *values)
{
	int last = (values->idle + (values->probes - 1) * values->interval) * 1000;
	int half = values->interval * 500;

	return last + (half > last / 8 ? half : last / 8);
}

struct tw_values tw_samples_asked(struct tw_values own)
{
	struct tw_values asked = {
		.keepalive = 1,
		.idle = own.idle == 7200 ? 100 : own.idle,
		.interval = own.interval == 75 ? 10 : own.interval,
		.probes = own.probes == 9 ? 5 : own.probes,
		.user_timeout = own.user_timeout,
	};

	if (!asked.user_timeout)
		asked.user_timeout = auto_user_timeout(&asked);
	return asked;
}

static struct tw_sample *add(struct tw_samples *samples, const struct tw_sample *sample)
{
	struct tw_sample *new = &samples->list[samples->count++];

	CHECK(samples->count <= TW_SAMPLES_MAX);
	*new = *sample;
	if (new->fd >= 0) {
		new->identity = tw_identity(new->fd);
		new->own = tw_values(new->fd);
	}
	new->asked = new->kind == TW_SAMPLE_LISTENER || new->kind == TW_SAMPLE_OUTSIDE
			     ? new->own
			     : tw_samples_asked(new->own);
	return new;
}

static void add_connection(struct tw_samples *samples, const char *what, int fd, const char *state,
			   const char *direction)
{
	add(samples, &(struct tw_sample){ .what = what,
					  .kind = TW_SAMPLE_CONNECTION,
					  .fd = fd,
					  .state = state,
					  .direction = direction });
}

static void add_listener(struct tw_samples *samples, const char *what, int fd)
{
	add(samples,
	    &(struct tw_sample){
		    .what = what, .kind = TW_SAMPLE_LISTENER, .fd = fd, .state = "LISTEN" });
}

struct tw_pair tw_sample_pair(const char *address)
{
	return tw_pair(tw_node, tw_node, address);
}

static void add_pair(struct tw_samples *samples, const char *what, const char *address)
{
	struct tw_pair pair = tw_sample_pair(address);

	add_connection(samples, what, pair.client, "ESTAB", "out");
	add_connection(samples, what, pair.server, "ESTAB", "in");
}

/* An IPv6 listener with an IPv4 peer, and an IPv6 socket that connects to IPv4. */
static void add_v4_mapped(struct tw_samples *samples)
{
	int listener = tw_listen(tw_node, "[::]:7002");
	int client = tw_connect(tw_node, "[::ffff:127.0.0.1]:7002");

	add_listener(samples, "a listener of both families", listener);
	add_connection(samples, "v4-mapped, connecting", client, "ESTAB", "out");
	add_connection(samples, "v4-mapped, accepted", tw_accept(listener), "ESTAB", "in");
}

/* Its children look as if they had connected: only the listener tells. */
static void add_without_backlog(struct tw_samples *samples)
{
	int listener = SYS(tw_socket(tw_node, AF_INET, 0)), client;

	tw_bind(listener, "127.0.0.1:7003");
	SYS(listen(listener, 0));
	client = tw_connect(tw_node, "127.0.0.1:7003");
	add_listener(samples, "a listener without a backlog", listener);
	add_connection(samples, "its client", client, "ESTAB", "out");
	add_connection(samples, "its child", tw_accept(listener), "ESTAB", "in");
}

static void add_waiting(struct tw_samples *samples, const char *address)
{
	int listener = tw_listen(tw_node, address);
	int client = tw_connect(tw_node, address);
	struct tw_identity identity = tw_identity(client);
	struct tw_sample *sample;

	add_listener(samples, "a listener with an accept queue", listener);
	add_connection(samples, "a client that waits for accept()", client, "ESTAB", "out");
	sample = add(samples, &(struct tw_sample){ .what = "not accepted yet",
						   .kind = TW_SAMPLE_WAITING,
						   .fd = -1,
						   .state = "ESTAB",
						   .direction = "in",
						   .own = { UNSET } });
	sample->identity.netns = identity.netns;
	strcpy(sample->identity.local, identity.remote);
	strcpy(sample->identity.remote, identity.local);
}

static void add_half_closed(struct tw_samples *samples)
{
	struct tw_pair pair = tw_sample_pair("127.0.0.1:7006");

	SYS(shutdown(pair.client, SHUT_WR));
	WAIT_FOR(tw_tcp_info(pair.client).state == TCP_FIN_WAIT2);
	add_connection(samples, "we closed our half", pair.client, "FIN-WAIT-2", "out");
	add_connection(samples, "the peer closed its half", pair.server, "CLOSE-WAIT", "in");
	pair = tw_sample_pair("127.0.0.1:7007");
	tw_blackhole(pair.server);
	SYS(shutdown(pair.client, SHUT_WR));
	WAIT_FOR(tw_tcp_info(pair.client).state == TCP_FIN_WAIT1);
	add_connection(samples, "our FIN gets no answer", pair.client, "FIN-WAIT-1", "out");
}

static void add_connecting(struct tw_samples *samples)
{
	struct tw_address to = tw_address("127.0.0.1:7008");
	int listener = tw_listen(tw_node, "127.0.0.1:7008");
	int fd = SYS(tw_socket(tw_node, AF_INET, 0));

	tw_blackhole(listener);
	SYS(fcntl(fd, F_SETFL, O_NONBLOCK));
	CHECK(connect(fd, TW_SOCKADDR(to), to.len) < 0 && errno == EINPROGRESS);
	add_connection(samples, "no answer to the SYN", fd, "SYN-SENT", "out");
}

/* The five options as an application sets some of them: bit by bit of `which`. */
static void set_some(int fd, unsigned which)
{
	static const struct {
		int level;
		int option;
		int value;
	} own[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },	  { IPPROTO_TCP, TCP_KEEPIDLE, 50 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 60 },	  { IPPROTO_TCP, TCP_KEEPCNT, 3 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 33000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (which >> i & 1)
			tw_set(fd, own[i].level, own[i].option, own[i].value);
}

/* All 32 subsets, set before the connection or after it. */
static void add_applications(struct tw_samples *samples)
{
	int listener = tw_listen(tw_node, "127.0.0.1:7009");

	for (unsigned which = 0; which < 32; which++) {
		int fd = SYS(tw_socket(tw_node, AF_INET, 0));
		bool before = which % 2;

		if (before)
			set_some(fd, which);
		tw_connect_on(fd, "127.0.0.1:7009");
		close(tw_accept(listener));
		if (!before)
			set_some(fd, which);
		WAIT_FOR(tw_tcp_info(fd).state == TCP_CLOSE_WAIT);
		add_connection(samples, tw_format("the application set %#x", which), fd,
			       "CLOSE-WAIT", "out");
	}
	close(listener);
}

/* What the application gave the listener is the child's own. */
static void add_inheriting(struct tw_samples *samples)
{
	int listener = SYS(tw_socket(tw_node, AF_INET, 0)), client;

	set_some(listener, 1 << 1 | 1 << 4);
	tw_listen_on(listener, "127.0.0.1:7010");
	client = tw_connect(tw_node, "127.0.0.1:7010");
	add_listener(samples, "a listener with values", listener);
	add_connection(samples, "its client", client, "ESTAB", "out");
	add_connection(samples, "a child that inherits", tw_accept(listener), "ESTAB", "in");
}

static void add_outside(struct tw_samples *samples)
{
	struct tw_pair pair = tw_pair(NULL, NULL, "127.0.0.1:7011");

	add(samples, &(struct tw_sample){ "outside, connecting", TW_SAMPLE_OUTSIDE, pair.client,
					  "ESTAB", "out", .own = { 0 } });
	add(samples, &(struct tw_sample){ "outside, accepted", TW_SAMPLE_OUTSIDE, pair.server,
					  "ESTAB", "in", .own = { 0 } });
}

struct tw_samples *tw_samples_make(void)
{
	struct tw_samples *samples = calloc(1, sizeof(*samples));

	CHECK(samples);
	add_pair(samples, "IPv4", "127.0.0.1:7000");
	add_pair(samples, "IPv6", "[::1]:7001");
	add_v4_mapped(samples);
	add_without_backlog(samples);
	add_waiting(samples, "127.0.0.1:7004");
	add_waiting(samples, "[::1]:7005");
	add_half_closed(samples);
	add_connecting(samples);
	add_applications(samples);
	add_inheriting(samples);
	add_outside(samples);
	return samples;
}

/* --- the output of `sockets` --- */

static void split_lines(char *text, struct tw_listing *listing)
{
	size_t lines = 0;
	char *end;

	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	listing->line = calloc(lines + 1, sizeof(*listing->line));
	CHECK(listing->line);
	for (; (end = strchr(text, '\n')); text = end + 1) {
		*end = '\0';
		listing->line[listing->count++] = text;
	}
	CHECK_EQUAL(text, "");
}

struct tw_listing tw_listing(const char *const *args)
{
	struct tw_result result = tw_run(&(struct tw_command){ .args = args });
	struct tw_listing listing = { 0 };

	if (result.status)
		FAIL("sockets: exit status %d: %s", result.status, result.err);
	split_lines(result.out, &listing);
	for (size_t i = 0; i < listing.count; i++)
		if (!tw_json_valid(listing.line[i]))
			FAIL("sockets --json: not JSON: %s", listing.line[i]);
	return listing;
}

static bool is_line_of(const char *line, const struct tw_identity *identity)
{
	if (tw_json_int(line, "netns") != identity->netns ||
	    strcmp(tw_json_string(line, "local"), identity->local) != 0)
		return false;
	if (tw_json_null(line, "remote"))
		return !*identity->remote;
	return !*identity->remote || !strcmp(tw_json_string(line, "remote"), identity->remote);
}

const char *tw_listing_find(const struct tw_listing *listing, const struct tw_identity *identity)
{
	for (size_t i = 0; i < listing->count; i++)
		if (is_line_of(listing->line[i], identity))
			return listing->line[i];
	return NULL;
}

const char *tw_listing_of(const struct tw_listing *listing, int fd)
{
	struct tw_identity identity = tw_identity(fd);
	const char *line = tw_listing_find(listing, &identity);

	if (!line)
		FAIL("sockets does not show %s to %s of netns %lld", identity.local,
		     identity.remote, identity.netns);
	return line;
}

struct tw_values tw_line_values(const char *line)
{
	return (struct tw_values){
		.keepalive = tw_json_bool(line, "keepalive.on"),
		.idle = (int)tw_json_int(line, "keepalive.idle"),
		.interval = (int)tw_json_int(line, "keepalive.interval"),
		.probes = (int)tw_json_int(line, "keepalive.probes"),
		.user_timeout = (int)tw_json_int(line, "user_timeout_ms"),
	};
}

void tw_check_values(const char *file, int line, const char *what, struct tw_values actual,
		     struct tw_values expected)
{
	if (!tw_values_equal(&actual, &expected))
		tw_fail(file, line, "%s: has %d,%d,%d,%d,%d, expected %d,%d,%d,%d,%d", what,
			actual.keepalive, actual.idle, actual.interval, actual.probes,
			actual.user_timeout, expected.keepalive, expected.idle, expected.interval,
			expected.probes, expected.user_timeout);
}

/* --- the sweep --- */

unsigned tw_swept(const struct tw_process *daemon)
{
	const char *log = tw_log_of(daemon);
	unsigned count = 0;

	while ((log = strstr(log, "swept "))) {
		count++;
		log++;
	}
	return count;
}

struct tw_process tw_enforce_swept(const char *policy)
{
	struct tw_process daemon = tw_enforce("%s", policy);

	WAIT_FOR(tw_swept(&daemon) == 1);
	return daemon;
}

void tw_change_swept(const struct tw_process *daemon, const char *file)
{
	unsigned before = tw_swept(daemon);

	tw_write_file("policy.yaml", "%s", file);
	tw_signal(daemon, SIGHUP);
	WAIT_FOR(tw_swept(daemon) > before);
}

char *tw_sweep_once(const char *policy)
{
	struct tw_result result = TW_RUN("run", "--once", "-c", tw_policy("%s", policy),
					 "--attach-to", tw_node, "--sweep-rate", "1000000");

	if (result.status)
		FAIL("run --once: exit status %d: %s", result.status, result.err);
	return result.err;
}

void tw_orphans_last(void)
{
	tw_sysctl("net/ipv4/tcp_fin_timeout", tw_format("%d", 60 + tw_deadline_seconds() / 10));
}

bool tw_kernel_iterates(void)
{
	struct utsname name;
	int major, minor;

	SYS(uname(&name));
	CHECK_INT(sscanf(name.release, "%d.%d", &major, &minor), 2);
	return major > 5 || (major == 5 && minor >= 15);
}

bool tw_by_descriptors(const char *log)
{
	CHECK_HAS(log, "swept ");
	return strstr(log, "by descriptors");
}

void tw_force_descriptors(void)
{
	SYS(setenv("TCPWARDEN_SWEEP", "descriptors", 1));
}

static void stay(void *arg)
{
	(void)arg;
	SYS(prctl(PR_SET_PDEATHSIG, SIGKILL));
	for (;;)
		pause();
}

pid_t tw_stay(const char *cgroup)
{
	return tw_fork(cgroup, stay, NULL);
}

void tw_own_run_netns(void)
{
	if (mkdir("/run/netns", 0755) < 0 && errno != EEXIST)
		FAIL("make /run/netns: %s", strerror(errno));
	SYS(mount("tmpfs", "/run/netns", "tmpfs", 0, NULL));
}

void tw_name_netns(const char *name)
{
	const char *path = tw_format("/run/netns/%s", name);

	close(SYS(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)));
	SYS(mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL));
}
