// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once, for as long as $SOAK_S says: connections, reloads,
 * cgroups and network namespaces that come and go. In the first quarter the
 * daemon is killed again and again; then one must live to the end, and neither
 * its memory nor its descriptors nor the kernel's maps may grow.
 */
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../system/harness.h"
#include "../system/load.h"
#include "../system/maps.h"
#include "../system/net.h"
#include "lib/cleanup.h"

#define OLD "- {name: all, keepalive: 111s:11s:4, user_timeout: 44s}\n"
#define NEW "- {name: all, keepalive: 222s:22s:5, user_timeout: 55s}\n"

#define SAMPLES	 60  /* over the time that is measured */
#define SLACK_KB 512 /* of memory that may come and go: one large reload */

static const struct tw_values old_values = { 1, 111, 11, 4, 44000 };
static const struct tw_values new_values = { 1, 222, 22, 5, 55000 };

struct counters {
	atomic_bool stop;
	atomic_ulong cgroups, namespaces, reloads, kills;
};

static struct counters *counters;

struct sample {
	long rss_kb;
	long descriptors;
	long switches; /* how often it was woken, so far */
	long maps;     /* inner maps of generations */
};

/* --- what goes on ------------------------------------------------------------------ */

static void churn_cgroups(void *arg)
{
	(void)arg;
	while (!atomic_load(&counters->stop)) {
		const char *path = tw_cgroup(tw_node, "churn");

		close(tw_socket(path, AF_INET, 0));
		while (rmdir(tw_cgroup_folder(path)) < 0)
			CHECK(errno == EBUSY);
		atomic_fetch_add(&counters->cgroups, 1);
	}
}

/* A namespace with a connection in it, for the sweep to find. */
static void visit_namespace(void *arg)
{
	struct tw_pair pair;

	(void)arg;
	tw_new_netns();
	pair = tw_pair(tw_node, tw_node, "127.0.0.1:7100");
	tw_close_reset(pair.client);
	close(pair.server);
}

static void churn_namespaces(void *arg)
{
	(void)arg;
	while (!atomic_load(&counters->stop)) {
		tw_join_child(tw_fork(NULL, visit_namespace, NULL));
		atomic_fetch_add(&counters->namespaces, 1);
	}
}

/* --- what must not grow ---------------------------------------------------------------- */

static long status_field(pid_t pid, const char *field)
{
	_cleanup_free_ char *text = tw_read_file(tw_format("/proc/%d/status", (int)pid));
	const char *at = text ? strstr(text, field) : NULL;

	CHECK(at);
	return strtol(at + strlen(field), NULL, 10);
}

static long count_descriptors(pid_t pid)
{
	_cleanup_closedir_ DIR *dir = opendir(tw_format("/proc/%d/fd", (int)pid));
	long count = 0;

	CHECK(dir);
	while (readdir(dir))
		count++;
	return count;
}

static struct sample take_sample(const struct tw_process *daemon)
{
	return (struct sample){
		.rss_kb = status_field(daemon->pid, "VmRSS:"),
		.descriptors = count_descriptors(daemon->pid),
		.switches = status_field(daemon->pid, "\nvoluntary_ctxt_switches:"),
		.maps = tw_inner_maps(),
	};
}

static void print_sample(const char *when, const struct sample *sample)
{
	printf("soak: %-5s rss %ld KiB, %ld descriptors, woken %ld times, %ld maps\n", when,
	       sample->rss_kb, sample->descriptors, sample->switches, sample->maps);
}

/* The most of each in `count` samples: a sweep or a reload in hand takes some for a moment. */
static struct sample most(const struct sample *samples, int count)
{
	struct sample most = samples[0];

	for (int i = 1; i < count; i++) {
		most.rss_kb = MAX(most.rss_kb, samples[i].rss_kb);
		most.descriptors = MAX(most.descriptors, samples[i].descriptors);
		most.switches = MAX(most.switches, samples[i].switches);
		most.maps = MAX(most.maps, samples[i].maps);
	}
	return most;
}

static void judge(const struct sample samples[static SAMPLES])
{
	const int third = SAMPLES / 3;
	struct sample early = most(samples, third);
	struct sample late = most(&samples[SAMPLES - third], third);

	print_sample("first", &samples[0]);
	print_sample("early", &early);
	print_sample("late", &late);
	print_sample("last", &samples[SAMPLES - 1]);
	CHECK(late.rss_kb <= early.rss_kb + SLACK_KB);
	CHECK(late.descriptors <= early.descriptors + 16);
	CHECK(late.maps <= early.maps + 16);
}

/* --- the whole ---------------------------------------------------------------------- */

static void reload(const struct tw_process *daemon)
{
	tw_policy("%s", atomic_fetch_add(&counters->reloads, 1) % 2 ? OLD : NEW);
	tw_signal(daemon, SIGHUP);
}

static void rest_ms(long ms)
{
	usleep((useconds_t)ms * 1000);
}

/* Start, reload and kill until that moment; what lives then lives on. */
static struct tw_process kill_until(int64_t end)
{
	struct tw_process daemon = tw_enforce(OLD);

	while (tw_now_ms() < end) {
		reload(&daemon);
		rest_ms(rand() % 2000);
		tw_signal(&daemon, SIGKILL);
		tw_join(&daemon);
		atomic_fetch_add(&counters->kills, 1);
		daemon = tw_enforce(OLD);
	}
	return daemon;
}

static long soak_seconds(void)
{
	const char *text = getenv("SOAK_S");
	long seconds = text ? strtol(text, NULL, 10) : 60;

	CHECK(seconds >= 10);
	return seconds;
}

TW_TEST(soak__everything_at_once)
{
	struct sample samples[SAMPLES];
	long ms = soak_seconds() * 1000;
	struct tw_process daemon;
	struct tw_load *load;
	pid_t churn[2];

	counters = mmap(NULL, sizeof(*counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	CHECK(counters != MAP_FAILED);
	daemon = tw_enforce(OLD);
	load = tw_load_start("127.0.0.1:7000", old_values, new_values);
	churn[0] = tw_fork(NULL, churn_cgroups, NULL);
	churn[1] = tw_fork(tw_node, churn_namespaces, NULL);
	tw_signal(&daemon, SIGKILL);
	tw_join(&daemon);
	daemon = kill_until(tw_now_ms() + ms / 4);
	for (int i = 0; i < SAMPLES; i++) {
		reload(&daemon);
		rest_ms(ms * 3 / 4 / SAMPLES);
		samples[i] = take_sample(&daemon);
	}
	atomic_store(&counters->stop, true);
	tw_join_child(churn[0]);
	tw_join_child(churn[1]);
	tw_load_end(load);
	printf("soak: %ld s: %lu connections, %lu cgroups, %lu namespaces, %lu reloads, %lu "
	       "kills\n",
	       ms / 1000, tw_load_count(load), atomic_load(&counters->cgroups),
	       atomic_load(&counters->namespaces), atomic_load(&counters->reloads),
	       atomic_load(&counters->kills));
	judge(samples);
	CHECK_INT(TW_RUN("detach").status, 0);
}
