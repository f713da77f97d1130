// SPDX-License-Identifier: GPL-2.0-only
#include "random.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include <tcpwarden/abi.h>

#include "harness.h"
#include "lib/cleanup.h"

/* xorshift64 (Marsaglia, 2003) */
static uint64_t state;

void tw_random_seed(uint64_t seed)
{
	state = seed;
	/* Small seeds differ in few bits, and so do their first numbers. */
	for (int i = 0; i < 20; i++)
		tw_random_below(2);
}

unsigned tw_random_below(unsigned limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % limit;
}

#define below tw_random_below

static int between(unsigned from, unsigned to)
{
	return (int)(from + below(to - from + 1));
}

static const char *one_of(const char *const *list, size_t count)
{
	return list[below((unsigned)count)];
}

#define ONE_OF(...)                                  \
	one_of((const char *const[]){ __VA_ARGS__ }, \
	       sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

void tw_random_each(void (*check)(uint64_t seed))
{
	int64_t end = tw_now_ms() + tw_deadline_seconds() * 1000LL / 3;
	const char *only = getenv("TW_SEED");
	uint64_t seed = only ? strtoull(only, NULL, 10) : 1;

	do {
		printf("seed %llu (TW_SEED=%llu repeats it alone)\n", (unsigned long long)seed,
		       (unsigned long long)seed);
		tw_random_seed(seed);
		check(seed++);
	} while (!only && tw_now_ms() < end);
}

/* --- policies --- */

/* Ports 7000 to 7003 are those of applications; a third of the policies take all. */
static char *random_match(void)
{
	return tw_format("match: {%s%s%s%s}",
			 below(3) ? "" : ONE_OF("port: 7000, ", "port: [7001, 7002-7003], "),
			 below(3) ? "" : ONE_OF("direction: in, ", "direction: out, "),
			 below(3) ? "" : ONE_OF("remote: 127.0.0.0/8, ", "remote: 10.0.0.0/8, "),
			 below(3) ? ""
				  : ONE_OF(tw_format("cgroup: %s/child, ", tw_node),
					   tw_format("cgroup: %s, ", tw_node)));
}

static char *random_wants(void)
{
	const char *timeout = below(2) ? ""
				       : tw_format(", user_timeout: %dms", between(8000, 59999));
	int idle = between(100, 899), interval = between(10, 59), probes = between(2, 19);

	switch (below(8)) {
	case 0:
		return tw_format("%s", ""); /* an exemption */
	case 1:
		return tw_format(", keepalive: on%s", timeout);
	case 2:
		return tw_format(", keepalive: {idle: %ds}%s", idle, timeout);
	case 3:
		return tw_format(", user_timeout: %dms", between(8000, 59999));
	case 4:
		return tw_format(", keepalive: {interval: %ds, probes: %d}%s", interval, probes,
				 timeout);
	case 5:
	case 6:
		return tw_format(", keepalive: %ds:%ds:%d, user_timeout: auto", idle, interval,
				 probes);
	default:
		return tw_format(", keepalive: %ds:%ds:%d%s", idle, interval, probes, timeout);
	}
}

char *tw_random_policy(const char *name, const char *more)
{
	const char *match = random_match(), *wants = random_wants();
	const char *precedence = ONE_OF("app", "strictest", "policy");

	if (!below(8)) {
		precedence = "policy";
		wants = ONE_OF(", keepalive: off", ", user_timeout: off");
	}
	return tw_format("- {name: %s, %s%s, precedence: %s%s}\n", name, match, wants, precedence,
			 more);
}

char *tw_random_policies(void)
{
	unsigned count = 1 + below(5);
	char *text = tw_format("%s", "");

	for (unsigned i = 0; i < count; i++)
		text = tw_format("%s%s", text, tw_random_policy(tw_format("p%u", i), ""));
	return text;
}

/* Any of the ways to not enforce here. */
static char *random_observer(unsigned number)
{
	return tw_random_policy(
		tw_format("observer%u", number),
		ONE_OF(", mode: observe", ", rollout: 0%", ", mode: observe, rollout: 50%"));
}

char *tw_random_observers(const char *policies)
{
	char *text = tw_format("%s", "");
	unsigned number = 0;
	const char *end;

	for (; (end = strchr(policies, '\n')); policies = end + 1) {
		if (below(2))
			text = tw_format("%s%s", text, random_observer(number++));
		text = tw_format("%s%.*s\n", text, (int)(end - policies), policies);
	}
	return tw_format("%s%s", text, random_observer(number));
}

/* --- applications --- */

static int either(unsigned from, unsigned to, unsigned or_from, unsigned or_to)
{
	return below(2) ? between(from, to) : between(or_from, or_to);
}

struct tw_random_calls tw_random_calls(bool ours)
{
	struct tw_random_calls calls = {
		.values = {
			.keepalive = ours ? 0 : (int)below(2),
			.idle = either(10, 99, 1000, 1999),
			.interval = either(1, 9, 300, 399),
			.probes = either(1, 1, 20, 119),
			.user_timeout = below(4) ? either(1000, 1999, 70000, 79999) : 0,
		},
	};

	for (int field = 0; field < TW_FIELDS; field++)
		if (!below(3))
			calls.set |= TW_BIT(field);
	return calls;
}

void tw_random_make(int fd, const struct tw_random_calls *calls)
{
	const struct tw_values *values = &calls->values;

	if (calls->set & TW_BIT(TW_INTERVAL))
		tw_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, values->interval);
	if (calls->set & TW_BIT(TW_PROBES))
		tw_set(fd, IPPROTO_TCP, TCP_KEEPCNT, values->probes);
	if (calls->set & TW_BIT(TW_USER_TIMEOUT))
		tw_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, values->user_timeout);
	if (calls->set & TW_BIT(TW_KEEPALIVE))
		tw_set(fd, SOL_SOCKET, SO_KEEPALIVE, values->keepalive);
	if (calls->set & TW_BIT(TW_IDLE))
		tw_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, values->idle);
}

struct tw_values tw_random_own(struct tw_values own, const struct tw_random_calls *calls)
{
	if (calls->set & TW_BIT(TW_INTERVAL))
		own.interval = calls->values.interval;
	if (calls->set & TW_BIT(TW_PROBES))
		own.probes = calls->values.probes;
	if (calls->set & TW_BIT(TW_USER_TIMEOUT))
		own.user_timeout = calls->values.user_timeout;
	if (calls->set & TW_BIT(TW_KEEPALIVE))
		own.keepalive = calls->values.keepalive;
	if (calls->set & TW_BIT(TW_IDLE))
		own.idle = calls->values.idle;
	return own;
}
