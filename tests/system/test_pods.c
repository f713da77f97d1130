// SPDX-License-Identifier: GPL-2.0-only
/* Pods: cgroups as the kubelet makes them below the attach point, and its folders of logs. */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "maps.h"
#include "net.h"
#include "samples.h"

#define ADDRESS "127.0.0.1:7000"

#define CHECK_SHOP(fd) CHECK_OPTIONS(fd, 1, 111, 11, 4, 44000)
#define CHECK_REST(fd) CHECK_OPTIONS(fd, 1, 222, 22, 5, 55000)

/* Databases are exempt, what else is in namespace shop has its own policy, all others `rest`. */
static const char *policy(void)
{
	return tw_policy("- {name: databases, match: {pod: db-*}}\n"
			 "- {name: shop, match: {namespace: [shop, web-*]}, keepalive: "
			 "111s:11s:4, user_timeout: 44s}\n"
			 "- {name: rest, keepalive: 222s:22s:5, user_timeout: 55s}\n");
}

static const char *logs(void)
{
	return tw_format("%s/pods", tw_folder);
}

static void make_logs(void)
{
	SYS(mkdir(logs(), 0755));
}

/* As the kubelet does before it runs the sandbox. */
static void make_log(const char *name, const char *uid)
{
	SYS(mkdir(tw_format("%s/%s_%s", logs(), name, uid), 0755));
}

static void drop_log(const char *name, const char *uid)
{
	SYS(rmdir(tw_format("%s/%s_%s", logs(), name, uid)));
}

static struct tw_process enforce(void)
{
	struct tw_process daemon =
		TW_START("run", "-c", policy(), "--attach-to", tw_node, "--pod-logs", logs());

	tw_wait_enforcing(&daemon);
	WAIT_FOR(tw_swept(&daemon));
	return daemon;
}

/* The pod's own cgroup, of the systemd driver; `parent` is where kubepods.slice stands. */
static const char *make_pod(const char *parent, const char *uid)
{
	return tw_cgroup(parent, tw_format("kubepods.slice/kubepods-burstable.slice/"
					   "kubepods-burstable-pod%s.slice",
					   uid));
}

static const char *make_container(const char *pod)
{
	return tw_cgroup(pod, "cri-containerd-0123abc.scope");
}

static int new_client(const char *cgroup)
{
	return tw_pair(cgroup, NULL, ADDRESS).client;
}

static void wait_known(const char *path)
{
	WAIT_FOR(tw_cgroup_known(tw_cgroup_id_of(path)));
}

static const char *line_of(int fd)
{
	struct tw_listing listing = TW_SOCKETS("--pod-logs", logs());

	return tw_listing_of(&listing, fd);
}

static bool has_verdict(int fd, const char *verdict)
{
	return !strcmp(tw_json_string(line_of(fd), "verdict"), verdict);
}

static const char *explain(const char *cgroup)
{
	struct tw_result result =
		TW_RUN("explain", "--json", "--cgroup", cgroup, "--pod-logs", logs());

	CHECK_INT(result.status, 0);
	CHECK(tw_json_valid(result.out));
	return result.out;
}

TW_TEST(pods__are_selected_by_name)
{
	const char *web, *db, *other;
	int client;

	make_logs();
	make_log("shop_web-0", "a");
	make_log("web-eu_db-0", "b");
	make_log("kube-system_dns", "c");
	web = make_container(make_pod(tw_node, "a"));
	db = make_container(make_pod(tw_node, "b"));
	enforce();
	other = make_container(make_pod(tw_node, "c"));
	wait_known(other);

	client = new_client(web);
	CHECK_SHOP(client);
	CHECK_EQUAL(tw_json_string(line_of(client), "pod"), "shop/web-0");
	CHECK_EQUAL(tw_json_string(line_of(client), "verdict"), "ok");
	CHECK_EQUAL(tw_json_string(explain(web), "policy"), "shop");
	CHECK_EQUAL(tw_json_string(explain(web), "pod"), "shop/web-0");

	client = new_client(db);
	CHECK_UNTOUCHED(client);
	CHECK_EQUAL(tw_json_string(line_of(client), "verdict"), "exempt");
	CHECK_EQUAL(tw_json_string(explain(db), "policy"), "databases");

	client = new_client(other);
	CHECK_REST(client);
	CHECK_EQUAL(tw_json_string(line_of(client), "pod"), "kube-system/dns");
	/* And what is no pod at all. */
	client = new_client(tw_node);
	CHECK_REST(client);
	CHECK(tw_json_null(line_of(client), "pod"));
	CHECK_INT(tw_count("databases", "pending"), 0);
}

static void settles_what_was_pending(void)
{
	struct tw_process daemon;
	const char *web, *db;
	int from_web, from_db;

	make_logs();
	/* Not news, so that only the pods' names bring a sweep. */
	tw_cgroup(tw_node, "kubepods.slice/kubepods-burstable.slice");
	daemon = enforce();
	web = make_container(make_pod(tw_node, "a"));
	db = make_container(make_pod(tw_node, "b"));
	wait_known(web);
	wait_known(db);
	from_web = new_client(web);
	from_db = new_client(db);
	CHECK_UNTOUCHED(from_web);
	CHECK_UNTOUCHED(from_db);
	CHECK_INT(tw_count("databases", "pending"), 2);
	CHECK_EQUAL(tw_json_string(line_of(from_web), "verdict"), "pending");
	CHECK(tw_json_null(line_of(from_web), "policy"));
	CHECK(tw_json_null(line_of(from_web), "pod"));
	CHECK(tw_json_bool(explain(web), "pending"));
	CHECK(tw_json_null(explain(web), "policy"));
	/* A sweep enters the namespaces of the pod's processes. */
	tw_stay(web);
	tw_stay(db);
	make_log("shop_web-0", "a");
	make_log("shop_db-0", "b");
	WAIT_FOR(tw_values(from_web).idle == 111);
	CHECK_SHOP(from_web);
	CHECK(has_verdict(from_web, "ok"));
	CHECK(has_verdict(from_db, "exempt"));
	CHECK_UNTOUCHED(from_db);
	CHECK(!tw_json_bool(explain(db), "pending"));
	CHECK(tw_runs(&daemon));
}

TW_TEST(pods__pending_sockets_are_settled)
{
	settles_what_was_pending();
}

TW_TEST(pods__pending_sockets_are_settled_by_descriptors)
{
	tw_force_descriptors();
	settles_what_was_pending();
}

/* Nobody tells the kernel of the pod, nor that it is one: the slices may be new as well. */
static void leaves_alone_what_may_be_exempt(const char *parent)
{
	struct tw_process daemon;
	int from_db, from_web;
	const char *db, *web;

	make_logs();
	daemon = enforce();
	tw_signal(&daemon, SIGSTOP);
	make_log("shop_db-0", "a");
	make_log("kube-system_web", "b");
	db = make_container(make_pod(parent, "a"));
	web = make_container(make_pod(parent, "b"));
	from_db = new_client(db);
	from_web = new_client(web);
	CHECK_UNTOUCHED(from_db);
	CHECK_UNTOUCHED(from_web);
	CHECK_INT(tw_count("databases", "pending"), 2);
	CHECK(has_verdict(from_db, "pending"));
	tw_stay(db);
	tw_stay(web);
	tw_signal(&daemon, SIGCONT);
	WAIT_FOR(tw_values(from_web).idle == 222);
	CHECK_REST(from_web);
	CHECK_UNTOUCHED(from_db);
	CHECK(has_verdict(from_db, "exempt"));
}

TW_TEST(pods__an_exempt_one_is_never_written_while_the_loader_is_stopped)
{
	tw_cgroup(tw_node, "kubepods.slice/kubepods-burstable.slice");
	leaves_alone_what_may_be_exempt(tw_node);
}

TW_TEST(pods__an_exempt_one_in_new_slices_is_never_written_either)
{
	leaves_alone_what_may_be_exempt(tw_cgroup(tw_node, "system.slice/docker-1.scope"));
}

/* What it met before we knew that it may be a pod's: the value stays until the pod is known. */
static void keeps_what_it_has(void)
{
	struct tw_process daemon;
	const char *pod;
	int client;

	make_logs();
	daemon = TW_START("run", "-c",
			  tw_policy("- {name: rest, keepalive: 222s:22s:5, user_timeout: 55s}\n"),
			  "--attach-to", tw_node, "--pod-logs", logs());
	tw_wait_enforcing(&daemon);
	WAIT_FOR(tw_swept(&daemon));
	pod = make_container(make_pod(tw_node, "a"));
	client = new_client(pod);
	CHECK_REST(client);
	policy();
	WAIT_FOR(tw_swept(&daemon) == 2);
	CHECK_REST(client);
	CHECK(has_verdict(client, "pending"));
	CHECK_INT(tw_count("databases", "pending"), 1);
	tw_stay(pod);
	make_log("shop_db-0", "a");
	WAIT_FOR(tw_values(client).idle == 7200);
	CHECK_UNTOUCHED(client);
}

TW_TEST(pods__a_pending_socket_keeps_what_it_has)
{
	keeps_what_it_has();
}

TW_TEST(pods__a_pending_socket_keeps_what_it_has_by_descriptors)
{
	tw_force_descriptors();
	keeps_what_it_has();
}

/* One that may observe it neither counts it nor holds it up. */
TW_TEST(pods__an_observer_holds_nothing_up)
{
	struct tw_process daemon;
	const char *pod;

	make_logs();
	daemon = TW_START(
		"run", "-c",
		tw_policy("- {name: may, match: {pod: db-*}, keepalive: on, mode: observe}\n"
			  "- {name: rest, keepalive: 222s:22s:5, user_timeout: 55s}\n"),
		"--attach-to", tw_node, "--pod-logs", logs());
	tw_wait_enforcing(&daemon);
	pod = make_container(make_pod(tw_node, "a"));
	CHECK_REST(new_client(pod));
	CHECK_INT(tw_count("may", "pending"), 0);
	CHECK_INT(tw_count("may", "would_set"), 0);
}

TW_TEST(pods__logs_that_come_late)
{
	struct tw_process daemon = enforce();
	const char *pod = make_container(make_pod(tw_node, "a"));

	WAIT_FOR(strstr(tw_log_of(&daemon), "waiting for it"));
	wait_known(pod);
	CHECK_UNTOUCHED(new_client(pod));
	make_logs();
	make_log("shop_web-0", "a");
	WAIT_FOR(tw_values(new_client(pod)).idle == 111);
	CHECK_HAS(tw_log_of(&daemon), "the pods of this node are known by");
}

/* Names that no kubelet gives, one that is given twice, and files. */
TW_TEST(pods__hostile_logs)
{
	struct tw_process daemon;
	const char *pod;

	make_logs();
	make_log("shop_web-0_x", "a");
	make_log("shop_\x1b[2J\xff", "a");
	make_log("shop", "a");
	make_log("SHOP_web-0", "a");
	tw_write_file("pods/shop_web-0_a", "x");
	daemon = enforce();
	pod = make_container(make_pod(tw_node, "a"));
	wait_known(pod);
	CHECK_UNTOUCHED(new_client(pod));
	SYS(unlink(tw_format("%s/shop_web-0_a", logs())));
	make_log("shop_web-0", "a");
	WAIT_FOR(tw_values(new_client(pod)).idle == 111);
	CHECK(!strstr(tw_log_of(&daemon), "\x1b"));
}

/* Made anew under the same name it has another UID, and may be of another namespace. */
TW_TEST(pods__come_and_go)
{
	const char *pod, *container;
	unsigned before;

	make_logs();
	enforce();
	make_pod(tw_node, "x");
	wait_known(make_pod(tw_node, "x"));
	before = tw_cgroups_known();
	for (int i = 0; i < 10; i++) {
		const char *uid = tw_format("a%d", i);
		const char *name = i % 2 ? "shop_web-0" : "other_web-0";

		make_log(name, uid);
		pod = make_pod(tw_node, uid);
		container = make_container(pod);
		wait_known(container);
		WAIT_FOR(tw_values(new_client(container)).idle == (i % 2 ? 111 : 222));
		SYS(rmdir(tw_cgroup_folder(container)));
		SYS(rmdir(tw_cgroup_folder(pod)));
		drop_log(name, uid);
		WAIT_FOR(tw_cgroups_known() == before);
	}
}

/* --- the first connection ------------------------------------------------------------- */

static void wait_until_ms(int64_t ms)
{
	struct timespec until = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

/* Wait without pause until the cgroup has its own policies; the milliseconds that took. */
static int64_t wait_ready(const char *path)
{
	uint64_t id = tw_cgroup_id_of(path);
	int64_t start = tw_now_ms();

	while (!tw_cgroup_known(id))
		if (tw_now_ms() > tw_wait_end() || tw_now_ms() - start > 2000)
			FAIL("%s has no policies after 2 s", path);
	return tw_now_ms() - start;
}

/* 20 pods a second on a node that has 250: in the kubelet's order. */
TW_TEST(pods__first_connections_at_20_starts_a_second)
{
	int64_t begin, slowest = 0, late = 0;
	int starts = 60, immediate = 0;

	make_logs();
	for (int i = 0; i < 250; i++) {
		make_log("old_web", tw_format("old%d", i));
		make_container(make_pod(tw_node, tw_format("old%d", i)));
	}
	enforce();
	begin = tw_now_ms();
	for (int i = 0; i < starts; i++) {
		const char *uid = tw_format("new%d", i), *pod, *container;
		int64_t took;
		int client;

		wait_until_ms(begin + i * 50);
		pod = make_pod(tw_node, uid);
		make_log(i % 2 ? "shop_web" : "shop_db-0", uid);
		container = make_container(pod);
		/* At once: what it is to have, or nothing yet. */
		client = new_client(container);
		if (i % 2 && tw_values(client).idle == 111)
			immediate++;
		else
			CHECK_UNTOUCHED(client);
		tw_close_reset(client);
		took = wait_ready(container);
		slowest = took > slowest ? took : slowest;
		late += took > 100;
		client = new_client(container);
		if (i % 2)
			CHECK_SHOP(client);
		else
			CHECK_UNTOUCHED(client);
		tw_close_reset(client);
	}
	printf("own policies after %lld ms at most, later than 100 ms: %lld of %d; %d of %d first "
	       "connections had them at once\n",
	       (long long)slowest, (long long)late, starts, immediate, starts / 2);
}

/* --- what cannot work is said ------------------------------------------------------------ */

/* As on a node with cgroup v1: pods, and none has a cgroup in this tree. */
TW_TEST(pods__without_cgroups_are_warned_of_once)
{
	struct tw_process daemon;
	char *first;

	make_logs();
	make_log("shop_web-0", "a");
	daemon = enforce();
	WAIT_FOR((first = strstr(tw_log_of(&daemon), "selects by pod, and none of")));
	make_log("shop_web-1", "b");
	tw_signal(&daemon, SIGHUP);
	WAIT_FOR(strstr(tw_log_of(&daemon), "has not changed"));
	first = strstr(tw_log_of(&daemon), "selects by pod, and none of");
	CHECK(!strstr(first + 1, "selects by pod, and none of"));
	CHECK_REST(new_client(tw_node));
}

static const char *doctor_detail(const char *expected_status)
{
	struct tw_result result = TW_RUN("doctor", "--json", "-c", policy(), "--pod-logs", logs());

	CHECK_INT(result.status, 0);
	CHECK_EQUAL(tw_json_string(result.out, "checks[pods].status"), expected_status);
	return tw_json_string(result.out, "checks[pods].detail");
}

TW_TEST(pods__doctor_says_what_is_known)
{
	make_logs();
	make_log("shop_web-0", "a");
	make_pod(tw_node, "a");
	make_container(make_pod(tw_node, "b"));
	CHECK_HAS(doctor_detail("degraded"), "are known by");
}

/* Of a file alone no machine is asked, unless it is named. */
TW_TEST(pods__explain_of_a_file)
{
	const char *path = policy(), *cgroup = "/kubepods/burstable/poda/0123";
	struct tw_result result = TW_RUN("explain", "-c", path, "--cgroup", cgroup);

	CHECK_INT(result.status, 0);
	CHECK_HAS(result.out, "of cgroup /kubepods/burstable/poda/0123, pod not known");
	CHECK_HAS(result.out, "pending: the pod is not known");
	CHECK_HAS(result.out, "options      keepalive off");
	make_logs();
	make_log("shop_web-0", "a");
	result = TW_RUN("explain", "-c", path, "--cgroup", cgroup, "--pod-logs", logs());
	CHECK_HAS(result.out, ", pod shop/web-0");
	CHECK_HAS(result.out, "databases: no, pod shop/web-0 is not in pod db-*");
	CHECK_HAS(result.out, "shop: matches, and takes it");
	result = TW_RUN("explain", "-c", path, "--cgroup", "/system.slice");
	CHECK_HAS(result.out, "rest: matches, and takes it");
}

TW_TEST(pods__bad_folder_option)
{
	struct tw_result result =
		TW_RUN("run", "-c", policy(), "--attach-to", tw_node, "--pod-logs", "pods");

	CHECK_INT(result.status, 2);
	CHECK_HAS(result.err, "--pod-logs wants an absolute path, got pods");
}
