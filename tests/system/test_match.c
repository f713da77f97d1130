// SPDX-License-Identifier: GPL-2.0-only
/* Which policy a connection gets. Each policy here asks for an idle time of its own. */
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"
#include "lib/cleanup.h"
#include "net.h"

#define ADDRESS "127.0.0.1:7000"

/* What a policy with `keepalive: {idle: IDLE, interval: 11s, probes: 4}` makes. */
#define CHECK_IDLE(fd, idle) CHECK_OPTIONS(fd, 1, idle, 11, 4, 0)

/* A client of that cgroup, connected to a server outside. */
static int client_in(const char *cgroup)
{
	struct tw_pair pair = tw_pair(cgroup, NULL, ADDRESS);

	close(pair.server);
	return pair.client;
}

static int client_to(const char *address)
{
	struct tw_pair pair = tw_pair(tw_node, NULL, address);

	return pair.client;
}

/* The accepted side, of a listener at `address`, of a connection from `source`. */
static int accepted_from(int listener, const char *source, const char *address)
{
	tw_connect_from(NULL, source, address);
	return tw_accept(listener);
}

/* --- cgroups --- */

TW_TEST(match__nested_cgroups)
{
	const char *app = tw_cgroup(tw_node, "app");
	const char *deep = tw_cgroup(tw_node, "app/a/b/c");
	const char *other = tw_cgroup(tw_node, "other");
	const char *longer = tw_cgroup(tw_node, "app2");

	tw_enforce("- {name: b, match: {cgroup: %s/app/a/b}, keepalive: 222s:11s:4}\n"
		   "- {name: app, match: {cgroup: %s/app}, keepalive: 111s:11s:4}\n",
		   tw_node, tw_node);
	CHECK_IDLE(client_in(app), 111);
	CHECK_IDLE(client_in(deep), 222);
	CHECK_IDLE(client_in(tw_cgroup(tw_node, "app/a")), 111);
	CHECK_UNTOUCHED(client_in(other));
	CHECK_UNTOUCHED(client_in(longer));
	CHECK_UNTOUCHED(client_in(tw_node));
}

TW_TEST(match__list_of_cgroups)
{
	const char *first = tw_cgroup(tw_node, "first");
	const char *second = tw_cgroup(tw_node, "second");
	const char *third = tw_cgroup(tw_node, "third");

	tw_enforce("- name: two\n"
		   "  match: {cgroup: [%s, %s]}\n"
		   "  keepalive: 111s:11s:4\n",
		   first, third);
	CHECK_IDLE(client_in(first), 111);
	CHECK_UNTOUCHED(client_in(second));
	CHECK_IDLE(client_in(third), 111);
}

TW_TEST(match__wildcards_in_components)
{
	const char *a1 = tw_cgroup(tw_node, "app-1.slice");
	const char *a2 = tw_cgroup(tw_node, "app-22.slice/inner");
	const char *b = tw_cgroup(tw_node, "bee/x/leaf");
	const char *too_deep = tw_cgroup(tw_node, "bee/x/y/leaf");
	const char *class = tw_cgroup(tw_node, "c7");
	const char *no_class = tw_cgroup(tw_node, "cx");

	tw_enforce("- {name: a, match: {cgroup: \"%s/app-*.slice\"}, keepalive: 111s:11s:4}\n"
		   "- {name: b, match: {cgroup: \"%s/bee/*/leaf\"}, keepalive: 222s:11s:4}\n"
		   "- {name: c, match: {cgroup: \"%s/c[0-9]\"}, keepalive: 333s:11s:4}\n",
		   tw_node, tw_node, tw_node);
	CHECK_IDLE(client_in(a1), 111);
	CHECK_IDLE(client_in(a2), 111);
	CHECK_IDLE(client_in(b), 222);
	CHECK_UNTOUCHED(client_in(too_deep));
	CHECK_IDLE(client_in(class), 333);
	CHECK_UNTOUCHED(client_in(no_class));
}

TW_TEST(match__cgroup_made_after_the_attachment)
{
	const char *app = tw_cgroup(tw_node, "app");
	const char *later;

	tw_enforce("- {name: app, match: {cgroup: %s}, keepalive: 111s:11s:4}\n"
		   "- {name: rest, keepalive: 222s:11s:4}\n",
		   app);
	later = tw_cgroup(app, "later/still");
	CHECK_IDLE(client_in(later), 111);
	CHECK_IDLE(client_in(tw_cgroup(tw_node, "elsewhere")), 222);
}

/* A socket belongs to the cgroup in which its process was when it made it. */
TW_TEST(match__process_that_moves_after_socket)
{
	const char *before = tw_cgroup(tw_node, "before");
	const char *after = tw_cgroup(tw_node, "after");
	int fd;

	tw_enforce("- {name: before, match: {cgroup: %s}, keepalive: 111s:11s:4}\n"
		   "- {name: after, match: {cgroup: %s}, keepalive: 222s:11s:4}\n",
		   before, after);
	tw_listen(NULL, ADDRESS);
	tw_cgroup_enter(before);
	fd = SYS(socket(AF_INET, SOCK_STREAM, 0));
	tw_cgroup_enter(after);
	tw_connect_on(fd, ADDRESS);
	CHECK_IDLE(fd, 111);
	CHECK_IDLE(tw_connect(NULL, ADDRESS), 222);
}

/* A cgroup whose path has `depth` components: tw_node has two. */
static const char *cgroup_of_depth(int depth)
{
	const char *path = tw_node;

	for (int i = 2; i < depth; i++)
		path = tw_cgroup(path, "d");
	return path;
}

static void check_depth(int depth, int idle)
{
	const char *deep = cgroup_of_depth(depth);

	tw_enforce("- {name: below, match: {cgroup: %s}, keepalive: 111s:11s:4}\n"
		   "- {name: any, keepalive: 222s:11s:4}\n",
		   tw_node);
	CHECK_IDLE(client_in(deep), idle);
}

TW_TEST(match__cgroup_16_deep)
{
	check_depth(16, 111);
}

/* Past the limit only policies without match.cgroup apply. */
TW_TEST(match__cgroup_17_deep)
{
	check_depth(17, 222);
}

/* The same where the loader never met the cgroup. */
TW_TEST(match__cgroup_17_deep_made_later)
{
	tw_enforce("- {name: below, match: {cgroup: %s}, keepalive: 111s:11s:4}\n"
		   "- {name: any, keepalive: 222s:11s:4}\n",
		   tw_node);
	CHECK_IDLE(client_in(cgroup_of_depth(16)), 111);
	CHECK_IDLE(client_in(cgroup_of_depth(17)), 222);
}

/* --- ports --- */

TW_TEST(match__port_is_the_services)
{
	int listener;

	tw_enforce("- {name: p, match: {port: 7000}, keepalive: 111s:11s:4}\n");
	CHECK_IDLE(client_to("127.0.0.1:7000"), 111);
	CHECK_UNTOUCHED(client_to("127.0.0.1:7001"));
	listener = tw_listen(tw_node, "127.0.0.1:7000");
	CHECK_IDLE(accepted_from(listener, "127.0.0.1:7001", "127.0.0.1:7000"), 111);
	listener = tw_listen(tw_node, "127.0.0.2:7001");
	CHECK_UNTOUCHED(accepted_from(listener, "127.0.0.2:7000", "127.0.0.2:7001"));
}

TW_TEST(match__port_ranges)
{
	tw_enforce("- {name: one, match: {port: [7000, 7010-7019, 65535]}, "
		   "keepalive: 111s:11s:4}\n"
		   "- {name: two, match: {port: 7015-7030}, keepalive: 222s:11s:4}\n");
	CHECK_IDLE(client_to("127.0.0.1:7000"), 111);
	CHECK_UNTOUCHED(client_to("127.0.0.1:7001"));
	CHECK_UNTOUCHED(client_to("127.0.0.1:7009"));
	CHECK_IDLE(client_to("127.0.0.1:7010"), 111);
	CHECK_IDLE(client_to("127.0.0.1:7019"), 111);
	CHECK_IDLE(client_to("127.0.0.1:7020"), 222);
	CHECK_IDLE(client_to("127.0.0.1:7030"), 222);
	CHECK_UNTOUCHED(client_to("127.0.0.1:7031"));
	CHECK_IDLE(client_to("127.0.0.1:65535"), 111);
	CHECK_UNTOUCHED(client_to("127.0.0.1:65534"));
}

TW_TEST(match__direction)
{
	struct tw_pair pair;

	tw_enforce("- {name: out, match: {direction: out}, keepalive: 111s:11s:4}\n"
		   "- {name: in, match: {direction: in}, keepalive: 222s:11s:4}\n"
		   "- {name: any, match: {direction: any}, keepalive: 333s:11s:4}\n");
	pair = tw_pair(tw_node, tw_node, ADDRESS);
	CHECK_IDLE(pair.client, 111);
	CHECK_IDLE(pair.server, 222);
	CHECK_INT(tw_count("any", "set"), 0);
}

/* --- remote addresses --- */

TW_TEST(match__remote_prefixes_ipv4)
{
	tw_enforce("- {name: one, match: {remote: 127.0.1.0/24}, keepalive: 111s:11s:4}\n"
		   "- {name: two, match: {remote: [127.0.2.2, 127.0.3.128/25]}, "
		   "keepalive: 222s:11s:4}\n"
		   "- {name: all, match: {remote: 127.0.0.0/8, port: 7001}, "
		   "keepalive: 333s:11s:4}\n");
	CHECK_IDLE(client_to("127.0.1.255:7000"), 111);
	CHECK_IDLE(client_to("127.0.2.2:7000"), 222);
	CHECK_UNTOUCHED(client_to("127.0.2.3:7000"));
	CHECK_IDLE(client_to("127.0.3.128:7000"), 222);
	CHECK_UNTOUCHED(client_to("127.0.3.127:7000"));
	CHECK_IDLE(client_to("127.0.3.127:7001"), 333);
	/* The longer prefix's entry holds the shorter one's policies too. */
	CHECK_IDLE(client_to("127.0.1.1:7001"), 111);
}

TW_TEST(match__remote_prefixes_ipv6)
{
	tw_add_ipv6("fd00::1");
	tw_add_ipv6("fd00:1::1");
	tw_enforce("- {name: one, match: {remote: \"fd00:1::/32\"}, keepalive: 111s:11s:4}\n"
		   "- {name: two, match: {remote: [\"fd00::/8\", \"::1\"]}, "
		   "keepalive: 222s:11s:4}\n");
	CHECK_IDLE(client_to("[fd00:1::1]:7000"), 111);
	CHECK_IDLE(client_to("[fd00::1]:7000"), 222);
	CHECK_IDLE(client_to("[::1]:7000"), 222);
	CHECK_UNTOUCHED(client_to("127.0.0.1:7000"));
}

/* An IPv6 socket that talks IPv4 has an IPv4 remote address. */
TW_TEST(match__remote_of_a_v4_mapped_socket)
{
	int listener;

	tw_enforce("- {name: one, match: {remote: 127.0.1.0/24}, keepalive: 111s:11s:4}\n"
		   "- {name: six, match: {remote: \"2000::/3\"}, keepalive: 222s:11s:4}\n");
	CHECK_IDLE(client_to("[::ffff:127.0.1.1]:7000"), 111);
	CHECK_UNTOUCHED(client_to("[::ffff:127.0.2.1]:7000"));
	listener = tw_listen(tw_node, "[::]:7001");
	CHECK_IDLE(accepted_from(listener, "127.0.1.9:0", "127.0.0.1:7001"), 111);
	CHECK_UNTOUCHED(accepted_from(listener, "127.0.2.9:0", "127.0.0.1:7001"));
}

TW_TEST(match__children_of_one_listener_by_remote)
{
	int listener;

	tw_enforce("- {name: one, match: {remote: 127.0.0.1}, keepalive: 111s:11s:4}\n"
		   "- {name: two, match: {remote: 127.0.0.2}, keepalive: 222s:11s:4}\n");
	listener = tw_listen(tw_node, ADDRESS);
	CHECK_IDLE(accepted_from(listener, "127.0.0.1:0", ADDRESS), 111);
	CHECK_IDLE(accepted_from(listener, "127.0.0.2:0", ADDRESS), 222);
	CHECK_UNTOUCHED(accepted_from(listener, "127.0.0.3:0", ADDRESS));
	CHECK_UNTOUCHED(listener);
}

/* --- the order of policies --- */

TW_TEST(match__first_match_wins)
{
	tw_enforce("- {name: wide, match: {port: 7000-7999}, keepalive: 111s:11s:4}\n"
		   "- {name: exact, match: {port: 7000, remote: 127.0.0.1, cgroup: %s}, "
		   "keepalive: 222s:11s:4}\n"
		   "- {name: rest, keepalive: 333s:11s:4}\n",
		   tw_node);
	CHECK_IDLE(client_to("127.0.0.1:7000"), 111);
	CHECK_IDLE(client_to("127.0.0.1:8000"), 333);
	CHECK_INT(tw_count("wide", "set"), 1);
	CHECK_INT(tw_count("exact", "set"), 0);
	CHECK_INT(tw_count("rest", "set"), 1);
}

/* All fields of a match must fit. */
TW_TEST(match__all_fields_together)
{
	const char *app = tw_cgroup(tw_node, "app");

	tw_enforce("- name: narrow\n"
		   "  match: {cgroup: %s, direction: out, remote: 127.0.0.1, port: 7000}\n"
		   "  keepalive: 111s:11s:4\n",
		   app);
	CHECK_IDLE(client_in(app), 111);
	CHECK_UNTOUCHED(client_in(tw_node));
	CHECK_UNTOUCHED(tw_pair(app, NULL, "127.0.0.2:7000").client);
	CHECK_UNTOUCHED(tw_pair(app, NULL, "127.0.0.1:7001").client);
	CHECK_UNTOUCHED(tw_pair(NULL, app, "127.0.0.1:7000").server);
}

TW_TEST(match__exemption_ends_the_search)
{
	tw_enforce("- {name: leave, match: {port: 7000}}\n"
		   "- {name: all, keepalive: 111s:11s:4}\n");
	CHECK_UNTOUCHED(client_to("127.0.0.1:7000"));
	CHECK_IDLE(client_to("127.0.0.1:7001"), 111);
	CHECK_INT(tw_count("leave", "set"), 0);
	CHECK_INT(tw_count("all", "set"), 1);
}

TW_TEST(match__observer_counts_and_the_search_goes_on)
{
	tw_enforce("- {name: watch, mode: observe, keepalive: 222s:22s:5}\n"
		   "- {name: all, match: {port: 7000}, keepalive: 111s:11s:4}\n"
		   "- {name: late, mode: observe, keepalive: 333s:11s:4}\n");
	CHECK_IDLE(client_to("127.0.0.1:7000"), 111);
	CHECK_UNTOUCHED(client_to("127.0.0.1:7001"));
	CHECK_INT(tw_count("watch", "would_set"), 2);
	CHECK_INT(tw_count("watch", "set"), 0);
	CHECK_INT(tw_count("all", "set"), 1);
	/* After the winner nobody is asked. */
	CHECK_INT(tw_count("late", "would_set"), 1);
}

TW_TEST(match__file_wide_observe)
{
	struct tw_pair pair;
	const char *json;

	tw_enforce_file(tw_write_file("policy.yaml",
				      "version: 1\nmode: observe\npolicies:\n"
				      "- {name: all, mode: enforce, keepalive: 111s:11s:4}\n"));
	pair = tw_pair(tw_node, tw_node, ADDRESS);
	CHECK_UNTOUCHED(pair.client);
	CHECK_UNTOUCHED(pair.server);
	json = tw_status();
	CHECK_INT(tw_json_int(json, "policies[all].counts.would_set"), 2);
	CHECK_INT(tw_json_int(json, "policies[all].counts.set"), 0);
	CHECK_EQUAL(tw_json_string(json, "policies[all].mode"), "observe");
}

TW_TEST(match__no_policies_at_all)
{
	tw_enforce_file(tw_write_file("policy.yaml", "version: 1\npolicies: []\n"));
	CHECK_UNTOUCHED(client_to(ADDRESS));
}

/* --- limits --- */

/* `count` policies: number n has port 20000 + n and idle 1000 + n. */
static const char *many_policies(int count)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	for (int i = 0; i < count; i++)
		fprintf(file, "- {name: p%d, match: {port: %d}, keepalive: %ds:11s:4}\n", i,
			20000 + i, 1000 + i);
	fclose(file);
	return tw_policy("%s", text);
}

TW_TEST(match__256_policies)
{
	static const int sample[] = { 0, 1, 63, 64, 127, 128, 191, 192, 254, 255 };

	tw_enforce_file(many_policies(256));
	for (size_t i = 0; i < ARRAY_SIZE(sample); i++)
		CHECK_IDLE(client_to(tw_format("127.0.0.1:%d", 20000 + sample[i])),
			   1000 + sample[i]);
	CHECK_INT(tw_count("p255", "set"), 1);
	CHECK_UNTOUCHED(client_to("127.0.0.1:20256"));
}

TW_TEST(match__257_policies_are_refused)
{
	struct tw_result result =
		TW_RUN("run", "--once", "-c", many_policies(257), "--attach-to", tw_node);

	CHECK_INT(result.status, 2);
	CHECK_HAS(result.err, "policy.yaml:");
	CHECK_HAS(result.err, "256");
	CHECK_INT(TW_RUN("status").status, 3);
}

/* One policy with `count` ports or prefixes. */
static const char *long_match(const char *key, const char *item, int count)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	fprintf(file, "- name: long\n  keepalive: 111s:11s:4\n  match: {%s: [", key);
	for (int i = 0; i < count; i++)
		fprintf(file, "%s%s%d", i ? ", " : "", item, i + 10);
	fprintf(file, "]}\n");
	fclose(file);
	return tw_policy("%s", text);
}

TW_TEST(match__64_prefixes_and_64_port_ranges)
{
	struct tw_process daemon = tw_enforce_file(long_match("remote", "127.0.9.", 64));

	CHECK_IDLE(client_to("127.0.9.10:7000"), 111);
	CHECK_IDLE(client_to("127.0.9.73:7000"), 111);
	CHECK_UNTOUCHED(client_to("127.0.9.74:7000"));
	CHECK_INT(TW_RUN("detach").status, 0);
	tw_join(&daemon);

	tw_enforce_file(long_match("port", "70", 64));
	CHECK_IDLE(client_to("127.0.0.1:7010"), 111);
	CHECK_IDLE(client_to("127.0.0.1:7073"), 111);
	CHECK_UNTOUCHED(client_to("127.0.0.1:7074"));
}

TW_TEST(match__65_prefixes_or_port_ranges_are_refused)
{
	CHECK_INT(TW_RUN("check", "-c", long_match("remote", "127.0.9.", 64)).status, 0);
	CHECK_INT(TW_RUN("check", "-c", long_match("remote", "127.0.9.", 65)).status, 2);
	CHECK_INT(TW_RUN("check", "-c", long_match("port", "70", 64)).status, 0);
	CHECK_INT(TW_RUN("check", "-c", long_match("port", "70", 65)).status, 2);
}
