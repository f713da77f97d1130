// SPDX-License-Identifier: GPL-2.0-only
/* Thousands of changes while connections flow: each is whole, and nothing is left of them. */
#include <dirent.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "lib/cleanup.h"
#include "maps.h"
#include "net.h"

#define PORTS 3
#define WAYS  2 /* that the policies alternate between */

static const char *const address[PORTS] = { "127.0.0.1:7001", "127.0.0.1:7002", "[::1]:7003" };

/* Of the policy for each port, in both ways; no two agree in any field but the first. */
static const struct tw_values wanted[PORTS][WAYS] = {
	{ { 1, 101, 11, 2, 10100 }, { 1, 201, 21, 5, 20100 } },
	{ { 1, 102, 12, 3, 10200 }, { 1, 202, 22, 6, 20200 } },
	{ { 1, 103, 13, 4, 10300 }, { 1, 203, 23, 7, 20300 } },
};

/* With prefixes, port sets and cgroups, so that a generation has every kind of map. */
static const char *policy(int way)
{
	const struct tw_values *v[PORTS] = { &wanted[0][way], &wanted[1][way], &wanted[2][way] };
	char *text = tw_format("%s", "");

	for (int i = 0; i < PORTS; i++) {
		int p = way ? PORTS - 1 - i : i; /* in another order each time */

		text = tw_format("%s- {name: p%d, match: {cgroup: %s, port: %d, remote: "
				 "[127.0.0.0/8, \"::1\"]}, keepalive: %ds:%ds:%d, "
				 "user_timeout: %dms}\n",
				 text, p, tw_node, 7001 + p, v[p]->idle, v[p]->interval,
				 v[p]->probes, v[p]->user_timeout);
	}
	return tw_policy("%s", text);
}

/* Shared with the process that connects. */
struct load {
	atomic_bool stop;
	atomic_ulong ends[WAYS]; /* of connections, by the way they came */
};

static void check_end(struct load *load, int port, int fd, const char *which)
{
	struct tw_values now = tw_values(fd);

	for (int way = 0; way < WAYS; way++)
		if (tw_values_equal(&now, &wanted[port][way])) {
			atomic_fetch_add(&load->ends[way], 1);
			return;
		}
	FAIL("the %s end at %s has %d,%d,%d,%d,%d, which no policy asks", which, address[port],
	     now.keepalive, now.idle, now.interval, now.probes, now.user_timeout);
}

static void connect_on_and_on(void *arg)
{
	struct load *load = arg;
	int listeners[PORTS];

	for (int p = 0; p < PORTS; p++)
		listeners[p] = tw_listen(NULL, address[p]);
	for (int p = 0; !atomic_load(&load->stop); p = (p + 1) % PORTS) {
		int client = tw_connect(NULL, address[p]);
		int server = tw_accept(listeners[p]);

		check_end(load, p, client, "connecting");
		tw_close_reset(client);
		close(server);
	}
}

/* --- what must not grow ------------------------------------------------------------- */

struct footprint {
	unsigned inner_maps;
	long rss_kib;
};

static unsigned descriptors_of(pid_t pid)
{
	_cleanup_free_ char *path = tw_format("/proc/%d/fd", pid);
	_cleanup_closedir_ DIR *dir = opendir(path);
	unsigned count = 0;

	CHECK(dir);
	while (readdir(dir))
		count++;
	return count;
}

static long rss_of(pid_t pid)
{
	_cleanup_free_ char *text = tw_read_file(tw_format("/proc/%d/status", pid));
	const char *line = text ? strstr(text, "VmRSS:") : NULL;
	long kib = 0;

	CHECK(line && sscanf(line, "VmRSS: %ld", &kib) == 1);
	return kib;
}

/*
 * Of a daemon at rest: no sweep is under way, which takes descriptors and memory.
 * It had no more of them when it began, when it may have been reading a policy.
 */
static struct footprint footprint(const struct tw_process *daemon, unsigned descriptors)
{
	struct footprint now;

	WAIT_FOR(descriptors_of(daemon->pid) <= descriptors);
	now = (struct footprint){ tw_inner_maps(), rss_of(daemon->pid) };
	printf("generation %llu: %u inner maps, %u descriptors, %ld KiB resident\n",
	       (unsigned long long)tw_generation_now(), now.inner_maps, descriptors, now.rss_kib);
	return now;
}

/* --- the changes ---------------------------------------------------------------------- */

/* Whether it listens to signals by now. */
static bool answers(const struct tw_process *daemon)
{
	tw_signal(daemon, SIGHUP);
	return strstr(tw_log_of(daemon), "the policy has not changed");
}

struct course {
	const char *sweep; /* option of `run` */
	bool signal;	   /* says that the policy has changed; else it is noticed */
};

static void change(const struct tw_process *daemon, const struct course *course, int way)
{
	uint64_t before = tw_generation_now();

	policy(way);
	if (course->signal)
		tw_signal(daemon, SIGHUP);
	WAIT_FOR(tw_generation_now() > before);
}

static struct load *start_load(pid_t *ret_pid)
{
	struct load *load = mmap(NULL, sizeof(*load), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(load != MAP_FAILED);
	*ret_pid = tw_fork(tw_node, connect_on_and_on, load);
	return load;
}

/* Number changes from..to-1; fewer where the time runs out. */
static int change_to(const struct tw_process *daemon, const struct course *course, int from, int to)
{
	int64_t end = tw_now_ms() + tw_deadline_seconds() * 1000LL / 6;
	int i = from;

	for (; i < to && tw_now_ms() < end; i++)
		change(daemon, course, i % WAYS);
	return i;
}

/* Other suites on this machine have inner maps too, so those may differ by some. */
static void check_footprint(struct footprint early, struct footprint late, int changes)
{
	CHECK(late.rss_kib <= early.rss_kib + 512);
	CHECK((int)late.inner_maps - (int)early.inner_maps < changes / 2);
}

/*
 * As many as a third of the deadline allows, 2,000 at most (TW_TEST_DEADLINE=2000
 * is enough for all). A tenth of them may still grow what then must stay.
 */
static void change_under_load(const struct course *course)
{
	/* Not listening: an audit takes descriptors of its own, at its own time. */
	struct tw_process daemon = TW_START("run", "-c", policy(1), "--attach-to", tw_node,
					    "--sweep-rate", "5000", "--listen", "off",
					    course->sweep);
	struct footprint early;
	unsigned descriptors;
	struct load *load;
	int warm, done;
	pid_t pid;

	tw_wait_enforcing(&daemon);
	if (!course->signal)
		WAIT_FOR(strstr(tw_log_of(&daemon), "swept"));
	WAIT_FOR(answers(&daemon));
	descriptors = descriptors_of(daemon.pid);
	load = start_load(&pid);
	warm = change_to(&daemon, course, 0, 20 + tw_deadline_seconds() / 10);
	early = footprint(&daemon, descriptors);
	done = change_to(&daemon, course, warm, 2000);
	check_footprint(early, footprint(&daemon, descriptors), done - warm);
	atomic_store(&load->stop, true);
	tw_join_child(pid);
	printf("%d changes, %lu and %lu ends of connections\n", done, atomic_load(&load->ends[0]),
	       atomic_load(&load->ends[1]));
	CHECK(done - warm >= 5);
	CHECK(atomic_load(&load->ends[0]) > 0 && atomic_load(&load->ends[1]) > 0);
}

TW_TEST(changes__under_load_by_signal)
{
	change_under_load(&(struct course){ "--no-sweep", true });
}

/* Each with a sweep, which the next one may interrupt. */
TW_TEST(changes__under_load_by_file)
{
	change_under_load(&(struct course){ NULL, false });
}
