// SPDX-License-Identifier: GPL-2.0-only
/*
 * The BPF program against the oracle that the fuzzed matcher is judged by: policies and
 * connections by chance, in a world so small that they meet, and each socket is
 * asked whose values it has. $TW_SEED begins another sequence. It ends after $TW_ROUNDS, or
 * after a quarter of $TW_TEST_DEADLINE if that is sooner, yet not before FEW rounds met a policy.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../fuzz/oracle.h"
#include "harness.h"
#include "lib/cleanup.h"
#include "maps.h"
#include "net.h"

#define POLICIES    12
#define CONNECTIONS 24
#define LISTED	    3 /* elements of a list, at most */
#define FEW	    5

static unsigned state;

static unsigned below(unsigned n)
{
	return (unsigned)rand_r(&state) % n;
}

static unsigned setting(const char *name, unsigned usual)
{
	const char *text = getenv(name);

	return text ? (unsigned)strtoul(text, NULL, 10) : usual;
}

/* --- the world ------------------------------------------------------------------------ */

static const char *cgroups[7];

static void make_world(void)
{
	static const char *const below_node[] = { "a", "a/b", "b", "b/a", "ab" };

	for (size_t i = 0; i < ARRAY_SIZE(below_node); i++)
		cgroups[i] = tw_cgroup(tw_node, below_node[i]);
	cgroups[5] = tw_node;
	cgroups[6] = tw_outside;
	tw_add_ipv6("fd00::1");
	tw_add_ipv6("fd00:1::1");
	tw_add_ipv6("fd01::1");
}

static uint16_t make_port(void)
{
	static const uint16_t ports[] = { 1, 7000, 7001, 7002, 7003, 65534, 65535 };

	return ports[below(ARRAY_SIZE(ports))];
}

static struct in6_addr mapped(const char *v4)
{
	struct in6_addr addr = { 0 };

	addr.s6_addr[10] = addr.s6_addr[11] = 0xff;
	CHECK_INT(inet_pton(AF_INET, v4, &addr.s6_addr[12]), 1);
	return addr;
}

static struct in6_addr make_v4(void)
{
	_cleanup_free_ char *text = tw_format("127.%u.%u.%u", below(2), below(4), 1 + below(4));

	return mapped(text);
}

static struct in6_addr make_v6(void)
{
	static const char *const texts[] = { "::1", "fd00::1", "fd00:1::1", "fd01::1" };
	struct in6_addr addr;

	CHECK_INT(inet_pton(AF_INET6, texts[below(ARRAY_SIZE(texts))], &addr), 1);
	return addr;
}

/* --- policies ---------------------------------------------------------------------------- */

static struct tw_cidr make_prefix(void)
{
	static const uint8_t v4[] = { 0, 8, 15, 16, 22, 23, 24, 30, 31, 32 };
	static const uint8_t v6[] = { 0, 7, 8, 16, 31, 32, 127, 128 };
	bool is4 = below(2);
	struct in6_addr addr = is4 ? make_v4() : make_v6();
	struct tw_cidr prefix = { .len = is4 ? (uint8_t)(96 + v4[below(ARRAY_SIZE(v4))])
					     : v6[below(ARRAY_SIZE(v6))] };

	memcpy(prefix.addr, &addr, sizeof(addr));
	for (unsigned bit = prefix.len; bit < 128; bit++)
		prefix.addr[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return prefix;
}

static char *make_pattern(void)
{
	static const char *const patterns[] = {
		"/a", "/*", "/?", "/[ab]", "/a*", "/a/b", "/*/b", "/*/*", "/b/a", "",
	};

	return below(8) ? tw_format("%s%s", tw_node, patterns[below(ARRAY_SIZE(patterns))])
			: tw_format("%s", below(2) ? "/" : tw_outside);
}

static size_t make_count(void)
{
	return below(2) ? 0 : 1 + below(LISTED);
}

static void make_policy(struct tw_model_policy *policy)
{
	*policy = (struct tw_model_policy){
		.directions = 1 + below(3),
		.cgroup_count = make_count(),
		.remote_count = make_count(),
		.port_count = make_count(),
		.fields = below(6) ? TW_BIT(TW_IDLE) : 0,
		.observe = !below(5),
		.rollout = TW_WHOLE_SHARE,
	};
	policy->cgroups = calloc(LISTED, sizeof(*policy->cgroups));
	policy->remotes = calloc(LISTED, sizeof(*policy->remotes));
	policy->ports = calloc(LISTED, sizeof(*policy->ports));
	CHECK(policy->cgroups && policy->remotes && policy->ports);
	for (size_t i = 0; i < policy->cgroup_count; i++)
		policy->cgroups[i] = make_pattern();
	for (size_t i = 0; i < policy->remote_count; i++)
		policy->remotes[i] = make_prefix();
	for (size_t i = 0; i < policy->port_count; i++) {
		uint16_t a = make_port(), b = make_port();

		policy->ports[i] = (struct tw_port_range){ a < b ? a : b, a < b ? b : a };
	}
}

static void free_policy(struct tw_model_policy *policy)
{
	for (size_t i = 0; i < policy->cgroup_count; i++)
		free(policy->cgroups[i]);
	free(policy->cgroups);
	free(policy->remotes);
	free(policy->ports);
}

static void print_prefix(FILE *file, const struct tw_cidr *prefix)
{
	bool is4 = prefix->len >= 96 && IN6_IS_ADDR_V4MAPPED((struct in6_addr *)prefix->addr);
	char text[INET6_ADDRSTRLEN];

	inet_ntop(is4 ? AF_INET : AF_INET6, prefix->addr + (is4 ? 12 : 0), text, sizeof(text));
	fprintf(file, "'%s/%d', ", text, prefix->len - (is4 ? 96 : 0));
}

static void print_policy(FILE *file, const struct tw_model_policy *policy, unsigned number,
			 unsigned idle)
{
	static const char *const directions[] = { "out", "in", "any" };

	fprintf(file, "- name: p%u\n", number);
	if (policy->observe)
		fprintf(file, "  mode: observe\n");
	if (policy->fields)
		fprintf(file, "  keepalive: %us:11s:4\n", idle);
	fprintf(file, "  match:\n    direction: %s\n", directions[policy->directions - 1]);
	if (policy->cgroup_count)
		fprintf(file, "    cgroup: [");
	for (size_t i = 0; i < policy->cgroup_count; i++)
		fprintf(file, "'%s', ", policy->cgroups[i]);
	fprintf(file, policy->cgroup_count ? "]\n" : "");
	if (policy->remote_count)
		fprintf(file, "    remote: [");
	for (size_t i = 0; i < policy->remote_count; i++)
		print_prefix(file, &policy->remotes[i]);
	fprintf(file, policy->remote_count ? "]\n" : "");
	if (policy->port_count)
		fprintf(file, "    port: [");
	for (size_t i = 0; i < policy->port_count; i++)
		fprintf(file, "%u-%u, ", policy->ports[i].first, policy->ports[i].last);
	fprintf(file, policy->port_count ? "]\n" : "");
}

/* Each policy of each round has an idle time of its own, so that an old answer shows. */
static unsigned idle_of(unsigned round, size_t number)
{
	return 100 + round % 2 * 100 + (unsigned)number;
}

static char *print_model(const struct tw_model *model, unsigned round)
{
	size_t size = 0;
	char *text = NULL;
	FILE *file = open_memstream(&text, &size);

	CHECK(file);
	for (unsigned i = 0; i < model->count; i++)
		print_policy(file, &model->policies[i], i, idle_of(round, i));
	fclose(file);
	return text;
}

/* --- connections ----------------------------------------------------------------------- */

/* Both ends, as they are told to the kernel and to the oracle. */
struct meeting {
	char *listen, *address, *source; /* what is bound, connected to, connected from */
	const char *client, *server;	 /* cgroups */
	struct tw_endpoint to, from;	 /* the port of `from` is any */
};

static char *address_text(const struct in6_addr *addr, bool as_v6, unsigned port)
{
	bool is4 = IN6_IS_ADDR_V4MAPPED(addr) && !as_v6;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(is4 ? AF_INET : AF_INET6, is4 ? &addr->s6_addr[12] : addr->s6_addr, text,
		  sizeof(text));
	return tw_format(is4 ? "%s:%u" : "[%s]:%u", text, port);
}

static struct meeting make_meeting(void)
{
	bool is4 = below(3), as_v6 = !is4 || below(2);
	struct in6_addr to = is4 ? make_v4() : make_v6(), from = is4 ? make_v4() : make_v6();
	struct meeting meeting = { .to.port = make_port() };

	meeting.address = address_text(&to, as_v6, meeting.to.port);
	meeting.source = address_text(&from, as_v6, 0);
	/* A listener of IPv6 accepts IPv4 too, as v4-mapped. */
	meeting.listen = below(2) ? address_text(&to, false, meeting.to.port)
				  : tw_format("[::]:%u", meeting.to.port);
	meeting.client = cgroups[below(ARRAY_SIZE(cgroups))];
	meeting.server = cgroups[below(ARRAY_SIZE(cgroups))];
	memcpy(meeting.to.addr, &to, sizeof(to));
	memcpy(meeting.from.addr, &from, sizeof(from));
	return meeting;
}

static void free_meeting(struct meeting *meeting)
{
	free(meeting->listen);
	free(meeting->address);
	free(meeting->source);
}

struct expectation {
	const struct tw_model *model;
	const char *text; /* the policies, as the daemon has them */
	unsigned round;
	unsigned long met, alone; /* ends with a policy's values, and without */
	unsigned rounds_met;	  /* rounds with such an end */
};

/* One end has the values of the policy that wins by the oracle, or is as it was. */
static void check_end(struct expectation *expected, int fd, const struct meeting *meeting,
		      const struct oracle_connection *end)
{
	struct tw_values values = tw_values(fd), wanted = { 0, 7200, 75, 9, 0 };
	size_t winner = TW_MAX_POLICIES;

	if (strcmp(end->cgroup, tw_outside))
		winner = oracle_winner(expected->model, end);
	if (winner < TW_MAX_POLICIES && expected->model->policies[winner].fields)
		wanted = (struct tw_values){ 1, (int)idle_of(expected->round, winner), 11, 4, 0 };
	if (wanted.keepalive)
		expected->met++;
	else
		expected->alone++;
	if (tw_values_equal(&values, &wanted))
		return;
	printf("%s", expected->text);
	FAIL("round %u: %s, %s -> %s, %s in %s: idle %d, and the oracle says %d", expected->round,
	     end->direction == TW_OUT ? "out" : "in", meeting->source, meeting->address,
	     meeting->listen, end->cgroup, values.idle, wanted.idle);
}

static void meet(struct expectation *expected, const struct meeting *meeting)
{
	int listener = tw_listen(meeting->server, meeting->listen);
	int client = tw_connect_from(meeting->client, meeting->source, meeting->address);
	int server = tw_accept(listener);

	check_end(expected, client, meeting,
		  &(struct oracle_connection){ .cgroup = meeting->client,
					       .direction = TW_OUT,
					       .local = meeting->from,
					       .remote = meeting->to });
	check_end(expected, server, meeting,
		  &(struct oracle_connection){ .cgroup = meeting->server,
					       .direction = TW_IN,
					       .local = meeting->to,
					       .remote = meeting->from });
	tw_close_reset(client);
	close(server);
	close(listener);
}

/* --- the whole --------------------------------------------------------------------------- */

static void reload(const struct tw_process *daemon, const char *text)
{
	uint64_t before = tw_generation_now();

	tw_policy("%s", text);
	tw_signal(daemon, SIGHUP);
	WAIT_FOR(tw_generation_now() != before);
}

static void play(struct expectation *expected, const struct tw_process *daemon)
{
	static struct tw_model_policy policies[POLICIES];
	static struct tw_model model = { .policies = policies };
	unsigned long before = expected->met;
	_cleanup_free_ char *text = NULL;

	model.count = 1 + below(POLICIES);
	for (size_t i = 0; i < model.count; i++)
		make_policy(&policies[i]);
	text = print_model(&model, expected->round);
	reload(daemon, text);
	expected->model = &model;
	expected->text = text;
	for (int i = 0; i < CONNECTIONS; i++) {
		struct meeting meeting = make_meeting();

		meet(expected, &meeting);
		free_meeting(&meeting);
	}
	expected->rounds_met += expected->met > before;
	for (size_t i = 0; i < model.count; i++)
		free_policy(&policies[i]);
}

TW_TEST(oracle__random_policies_and_connections)
{
	int64_t end = tw_now_ms() + tw_deadline_seconds() * 1000 / 4;
	unsigned rounds = setting("TW_ROUNDS", 40);
	struct expectation expected = { 0 };
	struct tw_process daemon;

	state = setting("TW_SEED", 20261130);
	make_world();
	daemon = tw_enforce("- {name: first, keepalive: 99s:11s:4}\n");
	while (expected.rounds_met < FEW || (expected.round < rounds && tw_now_ms() < end)) {
		play(&expected, &daemon);
		expected.round++;
	}
	printf("%u rounds, %u of which met a policy: %lu ends did, %lu did not\n", expected.round,
	       expected.rounds_met, expected.met, expected.alone);
	CHECK(expected.alone);
}
