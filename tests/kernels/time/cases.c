// SPDX-License-Identifier: GPL-2.0-only
#include "cases.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conn.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define MAX_CONNS     16
#define STAGGER	      0.37
#define HALF_OPEN_SEC 3600.0

/*
 * FACTS: IPVS forgets an idle flow after 900 s (ipvsadm --set 900 120 300), the NAT here after
 * 350 s.
 */
const struct idle_case idle_cases[] = {
	{ "ipvs__answers_before_900_s", "IPVS: the client writes after 880 s of silence", NET_IPVS,
	  CASES_PLAIN, 880, false, OUTCOME_ANSWERED },
	{ "ipvs__forgets_after_900_s", "IPVS: the client writes after 960 s of silence", NET_IPVS,
	  CASES_PLAIN, 960, false, OUTCOME_RESET },
	{ "ipvs__leaves_the_client_half_open", "IPVS: the server writes after 960 s of silence",
	  NET_IPVS, CASES_PLAIN, 960, true, OUTCOME_HALF_OPEN },
	{ "ipvs__lives_with_a_policy", "IPVS: the client writes after 2000 s of silence", NET_IPVS,
	  "keepalive: 300s:30s:5, user_timeout: auto", 2000, false, OUTCOME_ANSWERED },
	{ "ipvs__lives_when_the_server_speaks", "IPVS: the server writes after 2000 s of silence",
	  NET_IPVS, "keepalive: 300s:30s:5, user_timeout: auto", 2000, true, OUTCOME_ANSWERED },
	{ "nat__answers_before_350_s", "NAT of 350 s: the client writes after 330 s of silence",
	  NET_NAT, CASES_PLAIN, 330, false, OUTCOME_ANSWERED },
	{ "nat__forgets_after_350_s", "NAT of 350 s: the client writes after 420 s of silence",
	  NET_NAT, CASES_PLAIN, 420, false, OUTCOME_RESET },
	{ "nat__lives_with_the_default", "NAT of 350 s: the client writes after 1500 s of silence",
	  NET_NAT, CASES_DEFAULT, 1500, false, OUTCOME_ANSWERED },
};
const size_t idle_cases_n = COUNT(idle_cases);

/*
 * Without a user timeout an idle connection dies at idle + probes x interval; with one, when a
 * probe is due and the user timeout is over; a busy one when it is over since the first
 * retransmission (kernel net/ipv4/tcp_timer.c). `auto` is L + max(interval / 2, L / 8), with
 * L = idle + (probes - 1) x interval.
 */
const struct death_case death_cases[] = {
	{ .name = "system__keepalive_of_7200_s",
	  .what = "idle, keepalive on with the system's timers",
	  .policy = "keepalive: on",
	  .dies = 7200 + 9 * 75,
	  .first = 7200,
	  .probes = 9,
	  .just_probes = true,
	  .conns = 1 },
	{ .name = "system__retries_of_925_s",
	  .what = "data in flight, no policy (tcp_retries2)",
	  .policy = CASES_PLAIN,
	  .busy = true,
	  .dies = 924.6,
	  .conns = 1 },
	{ .name = "user_timeout__of_30_s",
	  .what = "data in flight, user timeout of 30 s",
	  .policy = "user_timeout: 30s",
	  .busy = true,
	  .dies = 30,
	  .conns = 1 },
	{ .name = "default__idle",
	  .what = "idle, the default policy",
	  .policy = CASES_DEFAULT,
	  .dies = 225,
	  .first = 120,
	  .probes = 5,
	  .conns = 1 },
	{ .name = "default__busy",
	  .what = "data in flight, the default policy",
	  .policy = CASES_DEFAULT,
	  .busy = true,
	  .dies = 225,
	  .conns = 1 },
	{ .name = "probes__without_user_timeout",
	  .what = "idle, 20s:1s:3 and no user timeout",
	  .policy = "keepalive: 20s:1s:3",
	  .dies = 23,
	  .first = 20,
	  .probes = 3,
	  .just_probes = true,
	  .conns = 16 },
	{ .name = "auto__20_1_3",
	  .what = "idle, 20s:1s:3 and user timeout auto",
	  .policy = "keepalive: 20s:1s:3, user_timeout: auto",
	  .dies = 24.75,
	  .first = 20,
	  .probes = 3,
	  .conns = 16 },
	{ .name = "auto__120_20_5",
	  .what = "idle, 120s:20s:5 and user timeout auto",
	  .policy = "keepalive: 120s:20s:5, user_timeout: auto",
	  .dies = 225,
	  .first = 120,
	  .probes = 5,
	  .conns = 16 },
	{ .name = "auto__600_30_5",
	  .what = "idle, 600s:30s:5 and user timeout auto",
	  .policy = "keepalive: 600s:30s:5, user_timeout: auto",
	  .dies = 810,
	  .first = 600,
	  .probes = 5,
	  .conns = 16 },
	{ .name = "auto__7200_75_9",
	  .what = "idle, 7200s:75s:9 and user timeout auto",
	  .policy = "keepalive: 7200s:75s:9, user_timeout: auto",
	  .dies = 8775,
	  .first = 7200,
	  .probes = 9,
	  .conns = 16 },
};
const size_t death_cases_n = COUNT(death_cases);

/* The timer wheel is at most an eighth late (kernel/time/timer.c), and the guest takes its time. */
static double late(double seconds)
{
	return seconds * 1.125 + 1.0;
}

static const char *policy_text(const char *policy)
{
	if (!policy)
		return "none";
	return *policy ? policy : "the default";
}

static const char *case_cgroup(const char *name, const char *policy, char *path, size_t size)
{
	if (!policy)
		return "/";
	snprintf(path, size, CASES_CGROUP "/%s", name);
	return path;
}

/* Lines leave in one write each: cases share the serial line. */
__attribute__((format(printf, 1, 2))) static void print_line(const char *format, ...)
{
	char line[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(line) || write(STDOUT_FILENO, line, (size_t)n) != n)
		net_die("a line of the report");
}

static bool verdict(const char *name, const char *why)
{
	if (!*why)
		print_line("ok %s\n", name);
	else
		print_line("FAIL %s: %s\n", name, why);
	return !*why;
}

/* --- a connection that idles -------------------------------------------------- */

static const char *idle_outcome(const struct idle_case *c, struct conn *conn, int r)
{
	if (r == 0)
		return "answered";
	if (r != -ECONNRESET)
		return strerror(-r);
	if (!c->server_speaks)
		return "connection reset";
	if (conn_rest(&(struct conn){ .client = conn->client, .server = -1 }, HALF_OPEN_SEC) == 0 &&
	    conn_is_established(conn->client))
		return "the client stays half-open";
	return "both ends were told";
}

static const char *const outcome_text[] = {
	[OUTCOME_ANSWERED] = "answered",
	[OUTCOME_RESET] = "connection reset",
	[OUTCOME_HALF_OPEN] = "the client stays half-open",
};

static void report_idle(const struct idle_case *c, const char *outcome, double idle)
{
	print_line("{\"test\":\"%s\",\"what\":\"%s\",\"policy\":\"%s\",\"outcome\":\"%s\","
		   "\"seconds\":%.1f}\n",
		   c->name, c->what, policy_text(c->policy), outcome, idle);
}

bool idle_case_run(const struct idle_case *c, ready_fn ready)
{
	char path[256], why[256] = "";
	const char *outcome, *want = outcome_text[c->outcome];
	struct conn conn;
	struct net net;
	double idle;
	int r;

	net_make(c->router, &net);
	conn = conn_open(&net, c->router == NET_IPVS ? NET_VIP : NET_SERVER,
			 case_cgroup(c->name, c->policy, path, sizeof(path)));
	ready();
	r = conn_rest(&conn, c->idle);
	idle = net_now() - conn.since;
	if (r == 0)
		r = conn_talk(&conn, c->server_speaks ? conn.server : conn.client);
	outcome = idle_outcome(c, &conn, r);
	report_idle(c, outcome, idle);
	if (strcmp(outcome, want) != 0)
		snprintf(why, sizeof(why), "%s, not: %s (after %.1f s)", outcome, want, idle);
	return verdict(c->name, why);
}

/* --- a peer that vanishes ----------------------------------------------------- */

struct spread {
	double least, most;
};

static void spread_add(struct spread *s, double value)
{
	s->least = s->least == 0 || value < s->least ? value : s->least;
	s->most = value > s->most ? value : s->most;
}

static void report_death(const struct death_case *c, const struct conn *conns)
{
	struct spread died = { 0 }, segments = { 0 };
	char probes[64];
	size_t i;

	for (i = 0; i < c->conns; i++) {
		spread_add(&died, conns[i].died > 0 ? conns[i].died - conns[i].since : 0);
		spread_add(&segments, conns[i].segments);
	}
	snprintf(probes, sizeof(probes), ",\"probes\":%.0f,\"probes_most\":%.0f", segments.least,
		 segments.most);
	print_line("{\"test\":\"%s\",\"what\":\"%s\",\"policy\":\"%s\",\"outcome\":\"closed\","
		   "\"connections\":%zu,\"seconds\":%.1f,\"seconds_most\":%.1f%s}\n",
		   c->name, c->what, policy_text(c->policy), c->conns, died.least, died.most,
		   c->busy ? "" : probes);
}

static bool between(double value, double least)
{
	return value >= least && value <= late(least);
}

/* What is wrong with one connection's end; nothing: "". */
static void death_complaint(const struct death_case *c, const struct conn *conn, char *ret,
			    size_t size)
{
	double died = conn->died - conn->since, first = conn->first_segment - conn->since;

	*ret = '\0';
	if (conn->died <= 0)
		snprintf(ret, size, "still open after %.0f s", net_now() - conn->since);
	else if (conn->error != ETIMEDOUT)
		snprintf(ret, size, "failed with %s", strerror(conn->error));
	else if (!c->busy && conn->segments < c->probes)
		snprintf(ret, size, "closed after %d unanswered probes, not %d", conn->segments,
			 c->probes);
	else if (!between(died, c->dies))
		snprintf(ret, size, "closed after %.1f s, not %.1f to %.1f", died, c->dies,
			 late(c->dies));
	else if (!c->busy && !between(first, c->first))
		snprintf(ret, size, "first probe after %.1f s, not %.0f to %.1f", first, c->first,
			 late(c->first));
	else if (c->just_probes && conn->segments != c->probes)
		snprintf(ret, size, "%d probes, not %d", conn->segments, c->probes);
}

static void open_all(const struct death_case *c, const struct net *net, struct conn *conns)
{
	char path[256];
	const char *cgroup = case_cgroup(c->name, c->policy, path, sizeof(path));
	size_t i;

	for (i = 0; i < c->conns; i++) {
		conns[i] = conn_open(net, NET_SERVER, cgroup);
		if (conn_rest(&conns[i], STAGGER) < 0)
			net_die("%s: an end speaks out of turn", c->name);
	}
}

/* The peer vanishes; from here on the tap's segments are unanswered ones. */
static void make_dead(const struct death_case *c, const struct net *net, struct conn *conns)
{
	size_t i;

	net_blackhole(net);
	while (net_tap_next(net) >= 0)
		;
	for (i = 0; c->busy && i < c->conns; i++) {
		conns[i].since = net_now();
		conn_write(conns[i].client);
	}
}

bool death_case_run(const struct death_case *c, ready_fn ready)
{
	struct conn conns[MAX_CONNS];
	char why[256] = "";
	struct net net;
	size_t i;

	net_make(NET_PLAIN, &net);
	open_all(c, &net, conns);
	make_dead(c, &net, conns);
	ready();
	conn_watch(&net, conns, c->conns, 2 * late(c->dies));
	report_death(c, conns);
	for (i = 0; !*why && i < c->conns; i++)
		death_complaint(c, &conns[i], why, sizeof(why));
	return verdict(c->name, why);
}
