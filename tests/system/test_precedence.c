// SPDX-License-Identifier: GPL-2.0-only
/* Precedence at birth, in sweeps and over changes of the policy; the hook only while it is needed. */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf.h"
#include "guard.h"
#include "lib/cleanup.h"
#include "samples.h"

#define ADDRESS	 "127.0.0.1:7000"
#define ASKED	 TW_HELD_ASKED
#define FILE_(l) "version: 1\npolicies:\n" l

static const struct tw_values own = { 1, 15, 200, 3, 300000 };

/* A connection whose application set its own values first, as all of these do. */
static int own_connection(void)
{
	int fd = SYS(tw_socket(tw_node, AF_INET, 0));

	tw_set_all(fd, own);
	tw_connect_on(fd, ADDRESS);
	return fd;
}

static void end(const struct tw_process *daemon)
{
	tw_signal(daemon, SIGTERM);
	tw_join(daemon);
}

static void restore(void)
{
	CHECK_INT(TW_RUN("detach", "--restore").status, 0);
}

/* --- at birth and in the sweep --- */

/* L = 15 + 2 x 10 = 35 s, and half an interval. */
#define STRICTEST_OF_OWN 1, 15, 10, 3, 40000

TW_TEST(precedence__at_birth)
{
	struct tw_process daemon;

	tw_listen(NULL, ADDRESS);
	daemon = tw_enforce(TW_HELD("strictest"));
	CHECK_OPTIONS(own_connection(), STRICTEST_OF_OWN);
	tw_change_swept(&daemon, FILE_(TW_HELD("policy")));
	CHECK_OPTIONS(own_connection(), ASKED);
}

static void check_sweep(void)
{
	int fd, untouched;

	tw_listen(NULL, ADDRESS);
	fd = own_connection();
	untouched = tw_connect(tw_node, ADDRESS);
	tw_sweep_once(TW_HELD("strictest"));
	CHECK_OPTIONS(fd, STRICTEST_OF_OWN);
	CHECK_OPTIONS(untouched, ASKED);
	tw_sweep_once(TW_HELD("policy"));
	CHECK_OPTIONS(fd, ASKED);
	CHECK_OPTIONS(untouched, ASKED);
	restore();
	CHECK_OPTIONS(fd, 1, 15, 200, 3, 300000);
	CHECK_UNTOUCHED(untouched);
}

TW_TEST(precedence__in_the_sweep)
{
	check_sweep();
}

TW_TEST(precedence__in_the_sweep_by_descriptors)
{
	tw_force_descriptors();
	check_sweep();
}

/* The hook holds a socket that the sweep brought under the policy, or left as it was. */
static void check_held_after_sweep(void)
{
	int fd, same;

	tw_listen(NULL, ADDRESS);
	fd = tw_connect(tw_node, ADDRESS);
	same = tw_connect(tw_node, ADDRESS);
	tw_set_all(same, (struct tw_values){ ASKED });
	tw_sweep_once(TW_HELD("policy"));
	CHECK_INT(tw_count("all", "already"), 1);
	tw_set_all(fd, own);
	tw_set_all(same, own);
	CHECK_OPTIONS(fd, ASKED);
	CHECK_OPTIONS(same, ASKED);
	CHECK_INT(tw_settings("all", "replaced"), 8);
	CHECK_INT(tw_settings("all", "allowed"), 2);
}

TW_TEST(precedence__holds_what_was_open)
{
	check_held_after_sweep();
}

/* Our own calls are not the application's: neither held nor counted. */
TW_TEST(precedence__holds_what_was_open_by_descriptors)
{
	tw_force_descriptors();
	check_held_after_sweep();
}

/* --- a change of the policy --- */

#define OTHER "- {name: all, keepalive: 50s:5s:4, user_timeout: 44s, precedence: policy}\n"

static void check_change(void)
{
	int fd, late;

	tw_listen(NULL, ADDRESS);
	tw_sweep_once(TW_HELD("policy"));
	fd = own_connection();
	late = tw_connect(tw_node, ADDRESS);
	tw_set_all(late, own);
	CHECK_OPTIONS(late, ASKED);
	tw_sweep_once(OTHER);
	CHECK_OPTIONS(fd, 1, 50, 5, 4, 44000);
	CHECK_OPTIONS(late, 1, 50, 5, 4, 44000);
	tw_set(late, IPPROTO_TCP, TCP_KEEPIDLE, 16);
	CHECK_OPTIONS(late, 1, 50, 5, 4, 44000);
	CHECK_INT(tw_settings("all", "replaced"), 4 + 1);
	restore();
	CHECK_OPTIONS(fd, 1, 15, 200, 3, 300000);
	CHECK_OPTIONS(late, 1, 16, 200, 3, 300000);
}

/* What the application asked for last comes back, though the socket never had it. */
TW_TEST(precedence__changes_and_gives_the_last_asked_back)
{
	check_change();
}

TW_TEST(precedence__changes_and_gives_the_last_asked_back_by_descriptors)
{
	tw_force_descriptors();
	check_change();
}

/* From policy to app, as the README has it: the sweep gives the last asked back. */
TW_TEST(precedence__from_policy_to_app)
{
	struct tw_process daemon = tw_enforce_swept(TW_HELD("policy"));
	struct tw_pair pair = tw_pair(tw_node, tw_node, ADDRESS);

	tw_set(pair.client, IPPROTO_TCP, TCP_KEEPIDLE, 15);
	tw_set(pair.client, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000);
	tw_set(pair.client, SOL_SOCKET, SO_KEEPALIVE, 0);
	CHECK_OPTIONS(pair.client, ASKED);
	tw_change_swept(&daemon, FILE_(TW_HELD("app")));
	/* Off cannot be told from unset, so it is filled. */
	CHECK_OPTIONS(pair.client, 1, 15, 10, 5, 3000);
	CHECK_OPTIONS(pair.server, ASKED);
	tw_set(pair.client, IPPROTO_TCP, TCP_KEEPIDLE, 16);
	CHECK_OPTIONS(pair.client, 1, 16, 10, 5, 3000);
}

/* Until a sweep comes, a connection is under the policy that it carries, all of it. */
TW_TEST(precedence__whole_old_until_the_sweep)
{
	struct tw_process daemon = TW_START("run", "--no-sweep", "-c", tw_policy(TW_HELD("policy")),
					    "--attach-to", tw_node);
	int old, new;

	tw_wait_enforcing(&daemon);
	tw_listen(NULL, ADDRESS);
	old = tw_connect(tw_node, ADDRESS);
	for (int i = 2; i <= 4; i++) {
		tw_policy("- {name: all, keepalive: %ds:5s:4, user_timeout: 44s, precedence: "
			  "policy}\n",
			  50 + i);
		tw_signal(&daemon, SIGHUP);
		WAIT_FOR(tw_status_int("generation") == i);
		new = tw_connect(tw_node, ADDRESS);
		tw_set_all(old, own);
		tw_set_all(new, own);
		CHECK_OPTIONS(old, ASKED);
		CHECK_OPTIONS(new, 1, 50 + i, 5, 4, 44000);
	}
}

/* --- the hook is there while it is needed --- */

static struct tw_process check_hooks(const char *list, int expected)
{
	struct tw_process daemon = tw_enforce("%s", list);

	/* Where something was attached before, it may be a moment. */
	WAIT_FOR(tw_hooks_attached(tw_node) == expected);
	CHECK_INT(tw_programs_attached(tw_node), 1);
	return daemon;
}

TW_TEST(precedence__hook_only_while_needed)
{
	static const struct {
		const char *list;
		int hooks;
	} cases[] = {
		{ TW_HELD("app"), 0 },
		{ TW_HELD("strictest"), 1 },
		{ TW_HELD("app"), 0 },
		{ TW_HELD("policy"), 1 },
		{ TW_HELD("strictest"), 1 },
		{ "- {name: all, keepalive: on, precedence: strictest, mode: observe}\n", 1 },
		{ "- {name: exempt, precedence: policy}\n", 0 },
		{ TW_HELD("app") "- {name: last, keepalive: on, precedence: policy}\n", 1 },
		{ "- {name: none}\n", 0 },
	};
	struct tw_process daemon = check_hooks("- {name: none, keepalive: on}\n", 0);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		long long generation = tw_status_int("generation");

		tw_policy("%s", cases[i].list);
		tw_signal(&daemon, SIGHUP);
		WAIT_FOR(tw_status_int("generation") > generation);
		WAIT_FOR(tw_hooks_attached(tw_node) == cases[i].hooks);
	}
}

/* It stays with what it serves, and goes with it. */
TW_TEST(precedence__hook_outlives_the_daemon)
{
	struct tw_process daemon = check_hooks(TW_HELD("policy"), 1);
	int fd = tw_pair(tw_node, tw_node, ADDRESS).client;

	tw_signal(&daemon, SIGKILL);
	tw_join(&daemon);
	CHECK_INT(tw_hooks_attached(tw_node), 1);
	tw_set_all(fd, own);
	CHECK_OPTIONS(fd, ASKED);

	daemon = check_hooks(TW_HELD("policy"), 1);
	tw_set_all(fd, own);
	CHECK_OPTIONS(fd, ASKED);
	end(&daemon);
	CHECK_INT(tw_hooks_attached(tw_node), 1);

	/* Another owner whose policy does not need it. */
	daemon = check_hooks(TW_HELD("app"), 0);
	end(&daemon);
	tw_sweep_once(TW_HELD("policy"));
	CHECK_INT(tw_hooks_attached(tw_node), 1);
	CHECK_INT(TW_RUN("detach").status, 0);
	CHECK_INT(tw_hooks_attached(tw_node), 0);
	CHECK(tw_bpffs_is_empty());
}

TW_TEST(precedence__a_refused_policy_leaves_the_hook)
{
	struct tw_process daemon = check_hooks(TW_HELD("policy"), 1);

	tw_policy("- {name: all, colour: red}\n");
	tw_signal(&daemon, SIGHUP);
	WAIT_FOR(!tw_json_null(tw_status(), "last_refusal"));
	CHECK_INT(tw_hooks_attached(tw_node), 1);
}

/* Another's program that allows none beside it: what needs the hook is refused, all else works. */
TW_TEST(precedence__where_the_hook_cannot_be)
{
	struct tw_process daemon;
	struct tw_result result;

	tw_foreign_hook(tw_node, true);
	result =
		TW_RUN("run", "--once", "-c", tw_policy(TW_HELD("policy")), "--attach-to", tw_node);
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "without allowing others");
	CHECK(tw_bpffs_is_empty());
	CHECK_INT(tw_programs_attached(tw_node), 0);

	daemon = tw_enforce(TW_HELD("app"));
	tw_policy(TW_HELD("policy"));
	tw_signal(&daemon, SIGHUP);
	WAIT_FOR(!tw_json_null(tw_status(), "last_refusal"));
	CHECK_HAS(tw_status(), "without allowing others");
	CHECK_INT(tw_status_int("generation"), 1);
	CHECK_OPTIONS(tw_pair(tw_node, tw_node, ADDRESS).client, ASKED);
}

TW_TEST(precedence__beside_another_hook)
{
	int foreign = tw_foreign_hook(tw_node, false), fd;

	check_hooks(TW_HELD("policy"), 2);
	fd = tw_pair(tw_node, tw_node, ADDRESS).client;
	tw_set_all(fd, own);
	CHECK_OPTIONS(fd, ASKED);
	CHECK_INT(TW_RUN("detach").status, 0);
	CHECK_INT(tw_hooks_attached(tw_node), 1);
	close(foreign);
}

/* --- observing --- */

#define WATCH(name, precedence)                                                         \
	"- {name: " name ", mode: observe, keepalive: 100s:10s:5, user_timeout: auto, " \
	"precedence: " precedence "}\n"

static void check_observed(int fd)
{
	tw_set_all(fd, own);
	CHECK_OPTIONS(fd, 1, 15, 200, 3, 300000);
	/* Keepalive, idle and probes are the smaller; the interval and the timeout are not. */
	CHECK_INT(tw_settings("smaller", "would_limit"), 2);
	CHECK_INT(tw_settings("smaller", "allowed"), 3);
	CHECK_INT(tw_settings("ours", "would_replace"), 4);
	CHECK_INT(tw_settings("ours", "allowed"), 1);
	CHECK_INT(tw_settings("app", "allowed"), 0);
}

#define WATCHERS WATCH("smaller", "strictest") WATCH("app", "app") WATCH("ours", "policy")

TW_TEST(precedence__observers_count_and_change_nothing)
{
	int fd;

	tw_sweep_once(WATCHERS);
	fd = tw_pair(tw_node, NULL, ADDRESS).client;
	check_observed(fd);
	CHECK_INT(tw_settings("smaller", "limited"), 0);
	CHECK_INT(tw_settings("ours", "replaced"), 0);
	/* Nothing is ours, so nothing is left to give back. */
	restore();
	CHECK_OPTIONS(fd, 1, 15, 200, 3, 300000);
}

static void check_observed_after_sweep(void)
{
	int fd = tw_pair(tw_node, NULL, ADDRESS).client;

	tw_sweep_once(WATCHERS);
	CHECK_UNTOUCHED(fd);
	check_observed(fd);
}

TW_TEST(precedence__observers_count_for_what_was_open)
{
	check_observed_after_sweep();
}

TW_TEST(precedence__observers_count_for_what_was_open_by_descriptors)
{
	tw_force_descriptors();
	check_observed_after_sweep();
}

/* Beside a policy that enforces; the hook counts for both. */
static void check_observed_and_held(void)
{
	int fd = tw_pair(tw_node, NULL, ADDRESS).client;

	tw_sweep_once(WATCH("smaller", "strictest") TW_HELD("policy"));
	tw_sweep_once(WATCH("smaller", "strictest") TW_HELD("policy") "- {name: more}\n");
	tw_set_all(fd, own);
	CHECK_OPTIONS(fd, ASKED);
	CHECK_INT(tw_settings("smaller", "would_limit"), 2);
	CHECK_INT(tw_settings("all", "replaced"), 4);
	CHECK_INT(tw_settings("all", "allowed"), 1);
}

TW_TEST(precedence__observed_and_held)
{
	check_observed_and_held();
}

TW_TEST(precedence__observed_and_held_by_descriptors)
{
	tw_force_descriptors();
	check_observed_and_held();
}

/* Under another generation an old note counts for nobody, until the sweep makes a new one. */
TW_TEST(precedence__observers_of_another_generation)
{
	struct tw_process daemon = TW_START(
		"run", "--no-sweep", "-c", tw_policy(WATCH("a", "policy")), "--attach-to", tw_node);
	int fd;

	tw_wait_enforcing(&daemon);
	fd = tw_pair(tw_node, NULL, ADDRESS).client;
	tw_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 15);
	CHECK_INT(tw_settings("a", "would_replace"), 1);
	/* Number 0, which the note names, is another's now. */
	tw_policy(WATCH("b", "policy") WATCH("a", "policy"));
	tw_signal(&daemon, SIGHUP);
	WAIT_FOR(tw_status_int("generation") == 2);
	tw_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 15);
	CHECK_INT(tw_settings("a", "would_replace"), 1);
	CHECK_INT(tw_settings("b", "would_replace"), 0);
}

/* From enforcing to observing: what was ours is let go, what was asked last is there. */
TW_TEST(precedence__from_policy_to_observing)
{
	struct tw_process daemon = tw_enforce_swept(TW_HELD("policy"));
	int fd = tw_pair(tw_node, tw_node, ADDRESS).client;

	tw_set_all(fd, own);
	CHECK_OPTIONS(fd, ASKED);
	tw_change_swept(&daemon, "version: 1\nmode: observe\npolicies:\n" TW_HELD("policy"));
	CHECK_OPTIONS(fd, 1, 15, 200, 3, 300000);
	tw_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 16);
	CHECK_OPTIONS(fd, 1, 16, 200, 3, 300000);
	CHECK_INT(tw_settings("all", "would_replace"), 1);
}

/* --- what `sockets` says --- */

TW_TEST(precedence__verdict_app_is_for_app_only)
{
	struct tw_listing listing;
	int fd;

	tw_sweep_once(TW_HELD("strictest"));
	fd = tw_pair(tw_node, NULL, ADDRESS).client;
	tw_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000);
	listing = TW_SOCKETS();
	CHECK_EQUAL(tw_json_string(tw_listing_of(&listing, fd), "verdict"), "ok");
	tw_sweep_once(TW_HELD("app"));
	CHECK_OPTIONS(fd, 1, 100, 10, 5, 3000);
	listing = TW_SOCKETS();
	CHECK_EQUAL(tw_json_string(tw_listing_of(&listing, fd), "verdict"), "app");
	/* With -c: what that policy would change. */
	listing = TW_SOCKETS("-c", tw_policy(TW_HELD("policy")));
	CHECK_EQUAL(tw_json_string(tw_listing_of(&listing, fd), "verdict"), "differs");
}

/* --- io_uring --- */

/* <linux/io_uring.h> of 6.7; older headers have neither the command nor its fields. */
struct sqe {
	uint8_t opcode, flags;
	uint16_t ioprio;
	int32_t fd;
	uint32_t command, pad;
	uint32_t level, option;
	uint32_t len, rw_flags;
	uint64_t user_data;
	uint16_t buf_index, personality;
	uint32_t optlen;
	uint64_t optval, pad2;
};

struct cqe {
	uint64_t user_data;
	int32_t result;
	uint32_t flags;
};

struct sq_offsets {
	uint32_t head, tail, ring_mask, ring_entries, flags, dropped, array, reserved;
	uint64_t user_addr;
};

struct cq_offsets {
	uint32_t head, tail, ring_mask, ring_entries, overflow, cqes, flags, reserved;
	uint64_t user_addr;
};

struct ring_params {
	uint32_t sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd;
	uint32_t reserved[3];
	struct sq_offsets sq;
	struct cq_offsets cq;
};

#define URING_CMD	 46
#define URING_SETSOCKOPT 3
#define OFF_CQ		 0x8000000
#define OFF_SQES	 0x10000000
#define GETEVENTS	 1

static char *map_ring(int ring, off_t offset)
{
	char *area =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, offset);

	CHECK(area != MAP_FAILED);
	return area;
}

/* setsockopt(2) by io_uring: 0 or the errno. */
static int set_by_uring(int fd, int level, int option, int value)
{
	struct ring_params params = { 0 };
	_cleanup_close_ int ring = (int)syscall(SYS_io_uring_setup, 1, &params);
	char *sq, *cq;
	struct sqe *sqes;

	if (ring < 0)
		tw_skip("no io_uring here: %s", strerror(errno));
	sq = map_ring(ring, 0);
	cq = map_ring(ring, OFF_CQ);
	sqes = (struct sqe *)(void *)map_ring(ring, OFF_SQES);
	sqes[0] = (struct sqe){ .opcode = URING_CMD,
				.fd = fd,
				.command = URING_SETSOCKOPT,
				.level = (uint32_t)level,
				.option = (uint32_t)option,
				.optlen = sizeof(value),
				.optval = (uint64_t)(uintptr_t)&value };
	*(uint32_t *)(void *)(sq + params.sq.array) = 0;
	__atomic_store_n((uint32_t *)(void *)(sq + params.sq.tail), 1, __ATOMIC_RELEASE);
	SYS(syscall(SYS_io_uring_enter, ring, 1, 1, GETEVENTS, NULL, 0));
	return -((struct cqe *)(void *)(cq + params.cq.cqes))->result;
}

TW_TEST(precedence__holds_what_io_uring_sets)
{
	int fd, error;

	tw_sweep_once(TW_HELD("policy"));
	fd = tw_pair(tw_node, NULL, ADDRESS).client;
	error = set_by_uring(fd, IPPROTO_TCP, TCP_KEEPIDLE, 15);
	if (error == EOPNOTSUPP || error == EINVAL)
		tw_skip("io_uring sets no socket options in this kernel: %s", strerror(error));
	CHECK_INT(error, 0);
	CHECK_OPTIONS(fd, ASKED);
	CHECK_INT(tw_settings("all", "replaced"), 1);
	CHECK_INT(set_by_uring(fd, IPPROTO_TCP, TCP_KEEPIDLE, 40000), EINVAL);
}
