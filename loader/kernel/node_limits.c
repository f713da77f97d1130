// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/node_limits.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* After <netinet/in.h>, whose names it then leaves alone. */
#include <linux/ip_vs.h>

#include <tcpwarden/match.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/duration.h"
#include "lib/file.h"

#define SYSCTL "/proc/sys/net/"

/* Leaves *value as it is where the file cannot be read; returns why. */
static int read_number(const char *path, unsigned *value)
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
	int error = tw_file_read(path, 64, &text);
	unsigned number;

	if (error)
		return error;
	if (sscanf(tw_buf_string(&text), "%u", &number) != 1)
		return -EINVAL;
	*value = number;
	return 0;
}

/* IP_VS_SO_GET_TIMEOUT (net/netfilter/ipvs/ip_vs_ctl.c) of this network namespace. */
static void read_ipvs(struct tw_node_limits *limits)
{
	_cleanup_close_ int fd = -1;
	struct ip_vs_timeout_user timeout = { 0 };
	socklen_t len = sizeof(timeout);

	/* Asking would load nothing, and say nothing, where the module is not there. */
	if (access("/proc/net/ip_vs", F_OK) < 0)
		return;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || getsockopt(fd, IPPROTO_IP, IP_VS_SO_GET_TIMEOUT, &timeout, &len) < 0)
		limits->ipvs_error = -errno;
	else
		limits->ipvs = (unsigned)timeout.tcp_timeout;
}

void tw_node_limits_read(struct tw_node_limits *ret_limits)
{
	struct tw_node_limits limits = { .fresh = TW_FRESH_DEFAULT,
					 .timing = TW_TIMING_SYSTEM_DEFAULT };
	struct tw_timing_system *timing = &limits.timing;

	read_number(SYSCTL "ipv4/tcp_keepalive_time", &limits.fresh.value[TW_IDLE]);
	read_number(SYSCTL "ipv4/tcp_keepalive_intvl", &limits.fresh.value[TW_INTERVAL]);
	read_number(SYSCTL "ipv4/tcp_keepalive_probes", &limits.fresh.value[TW_PROBES]);
	read_number(SYSCTL "ipv4/tcp_retries2", &timing->retries2);
	read_number(SYSCTL "ipv4/tcp_rto_max_ms", &timing->rto_cap_ms);
	/* A kernel that has the one and not the other has no linear retransmissions. */
	if (read_number(SYSCTL "ipv4/tcp_syn_retries", &timing->syn_retries) == 0 &&
	    read_number(SYSCTL "ipv4/tcp_syn_linear_timeouts", &timing->syn_linear) == -ENOENT)
		timing->syn_linear = 0;
	read_number(SYSCTL "netfilter/nf_conntrack_tcp_timeout_established", &limits.conntrack);
	read_ipvs(&limits);
	*ret_limits = limits;
}

/* --- compared with a policy -------------------------------------------------------- */

struct comparison {
	const struct tw_node_limits *limits;
	const struct tw_model *model;
	struct tw_check *checks;
	size_t count;
};

/* The idle time that the policy gives, or leaves to the system; 0: it gives no keepalive. */
static __u32 idle_of(const struct comparison *c, const struct tw_model_policy *policy)
{
	if (!(policy->fields & TW_BIT(TW_KEEPALIVE)))
		return 0;
	return policy->fields & TW_BIT(TW_IDLE) ? policy->want.value[TW_IDLE]
						: c->limits->fresh.value[TW_IDLE];
}

/* As in the warnings of `check`: the first probe may be an eighth late. */
static bool too_late(__u32 idle, __u64 limit)
{
	return idle * 9ULL >= limit * 8;
}

/* A table on this node that forgets idle flows: does each policy's first probe come earlier? */
static void check_table(struct comparison *c, const char *name, unsigned limit, const char *what,
			const char *remedy)
{
	char duration[TW_DURATION_LEN];

	for (size_t i = 0; i < c->model->count; i++) {
		const struct tw_model_policy *policy = &c->model->policies[i];
		__u32 idle = idle_of(c, policy);

		if (!idle || !too_late(idle, limit))
			continue;
		tw_check_set(&c->checks[c->count++], name, TW_CHECK_DEGRADED, remedy,
			     "policy %s: the first probe after %s, and %s forgets an idle "
			     "connection after %u s",
			     policy->name, tw_duration_format(idle * 1000ULL, duration), what,
			     limit);
		return;
	}
	tw_check_set(&c->checks[c->count++], name, TW_CHECK_OK, "",
		     "%s forgets an idle connection after %u s; every policy's first probe comes "
		     "earlier",
		     what, limit);
}

static void check_ipvs(struct comparison *c)
{
	int error = c->limits->ipvs_error;

	if (error)
		tw_check_set(&c->checks[c->count++], "ipvs", TW_CHECK_DEGRADED,
			     "run doctor as root", "loaded, but its timeouts cannot be read: %s",
			     strerror(-error));
	else if (c->limits->ipvs)
		check_table(c, "ipvs", c->limits->ipvs, "IPVS",
			    "shorten that policy's idle, or ipvsadm --set (kube-proxy: "
			    "--ipvs-tcp-timeout)");
	else
		tw_check_set(&c->checks[c->count++], "ipvs", TW_CHECK_OK, "", "not loaded");
}

static void check_conntrack(struct comparison *c)
{
	if (c->limits->conntrack)
		check_table(c, "conntrack", c->limits->conntrack, "nf_conntrack",
			    "shorten that policy's idle, or raise "
			    "net.netfilter.nf_conntrack_tcp_timeout_established");
	else
		tw_check_set(&c->checks[c->count++], "conntrack", TW_CHECK_OK, "", "not loaded");
}

static __u32 user_timeout_of(const struct tw_model_policy *policy)
{
	const __u32 *want = policy->want.value;

	if (policy->auto_timeout)
		return tw_auto_user_timeout(want[TW_IDLE], want[TW_INTERVAL], want[TW_PROBES]);
	return policy->fields & TW_BIT(TW_USER_TIMEOUT) ? want[TW_USER_TIMEOUT] : 0;
}

static void check_retries2(struct comparison *c)
{
	const struct tw_timing_system *timing = &c->limits->timing;
	uint64_t model = tw_timing_retries2_ms(timing->retries2, timing->rto_cap_ms);
	char own[TW_DURATION_LEN], system[TW_DURATION_LEN];

	tw_duration_format(model, system);
	for (size_t i = 0; i < c->model->count; i++) {
		const struct tw_model_policy *policy = &c->model->policies[i];

		if (user_timeout_of(policy) <= model)
			continue;
		tw_check_set(&c->checks[c->count++], "tcp-retries2", TW_CHECK_DEGRADED,
			     "shorten that user_timeout",
			     "policy %s: user_timeout %s is longer than the %s that tcp_retries2 = "
			     "%u comes to here: a busy connection hangs longer than without it",
			     policy->name, tw_duration_format(user_timeout_of(policy), own), system,
			     timing->retries2);
		return;
	}
	tw_check_set(&c->checks[c->count++], "tcp-retries2", TW_CHECK_OK, "",
		     "%u: with no user_timeout a busy connection hangs for %s", timing->retries2,
		     system);
}

/* The `must_beat` that the idle time, left to the system, does not beat; NULL: there is none. */
static const struct tw_must_beat *unbeaten(const struct tw_model_policy *policy, __u32 idle)
{
	for (size_t i = 0; i < policy->must_beat_count; i++)
		if (policy->must_beat[i].ms && idle * 9000ULL >= policy->must_beat[i].ms * 8)
			return &policy->must_beat[i];
	return NULL;
}

static void check_keepalive(struct comparison *c)
{
	const __u32 *fresh = c->limits->fresh.value;
	char duration[TW_DURATION_LEN];

	for (size_t i = 0; i < c->model->count; i++) {
		const struct tw_model_policy *policy = &c->model->policies[i];
		const struct tw_must_beat *beat = unbeaten(policy, fresh[TW_IDLE]);

		if (!idle_of(c, policy) || policy->fields & TW_BIT(TW_IDLE) || !beat)
			continue;
		tw_check_set(&c->checks[c->count++], "tcp-keepalive", TW_CHECK_DEGRADED,
			     "give that policy an idle time, or lower net.ipv4.tcp_keepalive_time",
			     "policy %s leaves idle to the system, %u s here, and must beat %s",
			     policy->name, fresh[TW_IDLE],
			     beat->box ? beat->box->name : tw_duration_format(beat->ms, duration));
		return;
	}
	tw_check_set(
		&c->checks[c->count++], "tcp-keepalive", TW_CHECK_OK, "",
		"idle %u s, interval %u s, probes %u, where a policy leaves them to the system",
		fresh[TW_IDLE], fresh[TW_INTERVAL], fresh[TW_PROBES]);
}

size_t tw_node_limits_check(const struct tw_node_limits *limits, const struct tw_model *model,
			    struct tw_check ret_checks[static TW_MAX_NODE_CHECKS])
{
	struct comparison c = { .limits = limits, .model = model, .checks = ret_checks };

	check_keepalive(&c);
	check_retries2(&c);
	check_conntrack(&c);
	check_ipvs(&c);
	return c.count;
}
