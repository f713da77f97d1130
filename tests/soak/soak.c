// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once, for as long as $SOAK_S says: connections, reloads, scrapes,
 * cgroups and network namespaces that come and go. One daemon lives from the start
 * to the end; a second, on a cgroup and a bpffs of its own, is killed again and
 * again, and no connection below it may miss its policy. From the second minute on
 * the first one's memory, descriptors and wake-ups are flat, and so are the
 * kernel's maps.
 */
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../system/bpf.h"
#include "../system/harness.h"
#include "../system/load.h"
#include "../system/maps.h"
#include "../system/net.h"
#include "../system/web.h"
#include "flat.h"
#include "lib/cleanup.h"

#define OLD	"- {name: all, keepalive: 111s:11s:4, user_timeout: 44s}\n"
#define NEW	"- {name: all, keepalive: 222s:22s:5, user_timeout: 55s}\n"
#define ADDRESS "127.0.0.1:7000"

#define WARM_UP_S 120

static const struct tw_values old_values = { 1, 111, 11, 4, 44000 };
static const struct tw_values new_values = { 1, 222, 22, 5, 55000 };

/* Shared by all that goes on. */
struct counters {
	atomic_bool stop;
	atomic_ulong cgroups, namespaces, reloads, scrapes, kills;
	atomic_ulong beside; /* connections below the daemon that is killed */
};

static struct counters *counters;

/* So often that nothing is starved, whatever else this machine does. */
static void rest_ms(long ms)
{
	usleep((useconds_t)ms * 1000);
}

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
		rest_ms(10);
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
		tw_join_child(tw_fork(tw_node, visit_namespace, NULL));
		atomic_fetch_add(&counters->namespaces, 1);
		rest_ms(50);
	}
}

static void scrape(void *arg)
{
	static const char *const paths[] = { "/metrics", "/", "/healthz", "/readyz" };

	(void)arg;
	while (!atomic_load(&counters->stop)) {
		size_t which = atomic_fetch_add(&counters->scrapes, 1) % ARRAY_SIZE(paths);
		struct tw_response response = tw_web_get(paths[which]);

		CHECK_INT(response.status, 200);
		free(response.head);
		rest_ms(50);
	}
}

/* By the file's change and a signal at once; each has taken effect before the next. */
static void reload(void *arg)
{
	const struct tw_process *daemon = arg;

	while (!atomic_load(&counters->stop)) {
		uint64_t before = tw_generation_now();

		tw_policy("%s", atomic_fetch_add(&counters->reloads, 1) % 2 ? OLD : NEW);
		tw_signal(daemon, SIGHUP);
		WAIT_FOR(tw_generation_now() != before);
		rest_ms(5000);
	}
}

/* As if on a machine of its own. */
static void live_apart(void)
{
	SYS(unshare(CLONE_NEWNS));
	SYS(mount("bpf", TW_BPFFS, "bpf", 0, NULL));
	tw_new_netns();
	tw_node = tw_cgroup(tw_outside, "killed");
	tw_folder = tw_format("%s/killed", tw_folder);
	SYS(mkdir(tw_folder, 0755));
	SYS(setenv("RUNTIME_DIRECTORY", tw_folder, 1));
}

/* At any moment: while it starts, sweeps, or does nothing. */
static void kill_one(const struct tw_process *daemon)
{
	rest_ms(rand() % 1500);
	tw_signal(daemon, SIGKILL);
	CHECK_INT(tw_join(daemon).status, 128 + SIGKILL);
	atomic_fetch_add(&counters->kills, 1);
}

static void kill_on_and_on(void *arg)
{
	struct tw_process daemon;
	struct tw_load *load;

	(void)arg;
	live_apart();
	daemon = tw_enforce(OLD);
	load = tw_load_start(ADDRESS, old_values, new_values);
	for (kill_one(&daemon); !atomic_load(&counters->stop); kill_one(&daemon)) {
		const char *list = rand() % 2 ? OLD : NEW;

		daemon = TW_START("run", "-c", tw_policy("%s", list), "--attach-to", tw_node);
	}
	CHECK(tw_load_second(load) > 0);
	tw_load_end(load);
	atomic_store(&counters->beside, tw_load_count(load));
	CHECK_INT(TW_RUN("detach").status, 0);
}

static void (*const activities[])(void *daemon) = {
	churn_cgroups, churn_namespaces, scrape, reload, kill_on_and_on,
};

/* --- what must not grow ---------------------------------------------------------------- */

enum {
	RSS,
	DESCRIPTORS,
	WAKE_UPS,
	MAPS,
	MAP_MEMORY,
	SERIES,
};

/* Memory by one reload's worth, of maps as many as one generation has, wake-ups by half. */
static struct tw_series series[SERIES] = {
	[RSS] = { .what = "resident memory, KiB", .typical = tw_least, .may_grow = 256 },
	[DESCRIPTORS] = { .what = "descriptors", .typical = tw_least, .may_grow = 2 },
	[WAKE_UPS] = { .what = "wake-ups a second", .typical = tw_median },
	[MAPS] = { .what = "maps of the kernel", .typical = tw_least, .may_grow = 4 },
	[MAP_MEMORY] = { .what = "their memory, KiB", .typical = tw_least, .may_grow = 256 },
};

static long status_field(pid_t pid, const char *field)
{
	_cleanup_free_ char *path = tw_format("/proc/%d/status", (int)pid);
	_cleanup_free_ char *text = tw_read_file(path);
	const char *at = text ? strstr(text, field) : NULL;

	CHECK(at);
	return strtol(at + strlen(field), NULL, 10);
}

static long count_descriptors(pid_t pid)
{
	_cleanup_free_ char *path = tw_format("/proc/%d/fd", (int)pid);
	_cleanup_closedir_ DIR *dir = opendir(path);
	long count = -2; /* . and .. */

	CHECK(dir);
	while (readdir(dir))
		count++;
	return count;
}

/* How often it was woken since the call before, a second. */
static double wake_ups(pid_t pid)
{
	static int64_t last_ms;
	static long last;
	int64_t now_ms = tw_now_ms();
	long now = status_field(pid, "\nvoluntary_ctxt_switches:");
	double rate = (double)(now - last) * 1000 / (double)MAX(now_ms - last_ms, 1);

	last = now;
	last_ms = now_ms;
	return rate;
}

static void take_sample(const struct tw_process *daemon, int number)
{
	struct tw_maps_held maps = tw_maps_held(daemon->pid);

	series[RSS].at[number] = (double)status_field(daemon->pid, "VmRSS:");
	series[DESCRIPTORS].at[number] = (double)count_descriptors(daemon->pid);
	series[WAKE_UPS].at[number] = wake_ups(daemon->pid);
	series[MAPS].at[number] = maps.maps;
	series[MAP_MEMORY].at[number] = (double)maps.bytes / 1024;
}

static void print_series(const struct tw_series *one, long ms)
{
	printf("soak: %-20s first %.0f, last %.0f; at rest %.0f, at the end %.0f: "
	       "%+.0f (at most %+.0f), %+.0f an hour\n",
	       one->what, one->at[0], one->at[TW_SAMPLES - 1], tw_series_first(one),
	       tw_series_last(one), tw_series_growth(one), one->may_grow,
	       tw_series_slope(one, TW_SAMPLES * 3600e3 / (double)ms));
}

static void check_flat(long ms)
{
	bool flat = true;

	series[WAKE_UPS].may_grow = tw_series_first(&series[WAKE_UPS]) / 2;
	for (int i = 0; i < SERIES; i++) {
		print_series(&series[i], ms);
		flat &= tw_series_growth(&series[i]) <= series[i].may_grow;
	}
	CHECK(flat);
}

/* --- the whole ---------------------------------------------------------------------- */

static long soak_seconds(void)
{
	const char *text = getenv("SOAK_S");
	long seconds = text ? strtol(text, NULL, 10) : 60;

	CHECK(seconds >= 10);
	return seconds;
}

static void print_counts(long seconds, struct tw_load *load)
{
	printf("soak: %ld s: %lu connections, %lu beside the kills, %lu reloads, %lu scrapes, %lu "
	       "cgroups, %lu namespaces, %lu kills\n",
	       seconds, tw_load_count(load), atomic_load(&counters->beside),
	       atomic_load(&counters->reloads), atomic_load(&counters->scrapes),
	       atomic_load(&counters->cgroups), atomic_load(&counters->namespaces),
	       atomic_load(&counters->kills));
}

TW_TEST(soak__everything_at_once)
{
	long seconds = soak_seconds(), warm_up = MIN(WARM_UP_S, seconds / 4);
	long ms = (seconds - warm_up) * 1000;
	struct tw_process busy[ARRAY_SIZE(activities)] = { 0 };
	struct tw_process daemon;
	struct tw_load *load;

	counters = mmap(NULL, sizeof(*counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	CHECK(counters != MAP_FAILED);
	daemon = tw_enforce(OLD);
	load = tw_load_start(ADDRESS, old_values, new_values);
	for (size_t i = 0; i < ARRAY_SIZE(busy); i++)
		busy[i].pid = tw_fork(NULL, activities[i], &daemon);
	rest_ms(warm_up * 1000);
	wake_ups(daemon.pid);
	for (int i = 0; i < TW_SAMPLES; i++) {
		rest_ms(ms / TW_SAMPLES);
		take_sample(&daemon, i);
		for (size_t k = 0; k < ARRAY_SIZE(busy); k++)
			CHECK(tw_runs(&busy[k]));
	}
	atomic_store(&counters->stop, true);
	for (size_t i = 0; i < ARRAY_SIZE(busy); i++)
		tw_join_child(busy[i].pid);
	CHECK(tw_load_second(load) > 0);
	tw_load_end(load);
	print_counts(seconds, load);
	check_flat(ms);
	CHECK_INT(TW_RUN("detach").status, 0);
}
