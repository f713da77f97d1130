// SPDX-License-Identifier: GPL-2.0-only
/* Metrics, health, readiness and the page of a `run`; and what bad clients get. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf.h"
#include "harness.h"
#include "maps.h"
#include "net.h"
#include "samples.h"
#include "web.h"

#define POLICY "- {name: all, keepalive: 100s:10s:5, user_timeout: auto}\n"

static struct tw_response ask(const char *text)
{
	return tw_web_send(TW_WEB, text, strlen(text));
}

/* --- what it tells ------------------------------------------------------------------- */

TW_TEST(web__metrics_count_connections)
{
	struct tw_response response;

	tw_enforce_swept("- {name: watched, mode: observe, keepalive: 50s:10s:5}\n" POLICY);
	tw_sample_pair("127.0.0.1:7000");
	response = tw_web_get("/metrics");
	CHECK_INT(response.status, 200);
	CHECK_HAS(response.head, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	CHECK_HAS(
		response.body,
		"\ntcpwarden_sockets_total{policy=\"all\",direction=\"out\",outcome=\"set\"} 1\n");
	CHECK_HAS(response.body,
		  "\ntcpwarden_sockets_total{policy=\"all\",direction=\"in\",outcome=\"set\"} 1\n");
	CHECK_HAS(response.body, "\ntcpwarden_sockets_total{policy=\"watched\",direction=\"in\","
				 "outcome=\"would_set\"} 1\n");
	CHECK_HAS(response.body, "\ntcpwarden_attached 1\n");
	CHECK_HAS(response.body, "\ntcpwarden_policy_generation 1\n");
	CHECK_HAS(response.body, tw_format("\ntcpwarden_policy_info{digest=\"%s\"} 1\n",
					   tw_json_string(tw_status(), "digest")));
	CHECK_HAS(response.body, "\ntcpwarden_sweep_duration_seconds_count 1\n");
}

TW_TEST(web__metrics_count_cgroups)
{
	tw_enforce(POLICY);
	WAIT_FOR((unsigned)tw_web_metric("tcpwarden_cgroups") == tw_cgroups_known());
	for (int i = 0; i < 20; i++)
		tw_cgroup(tw_node, tw_format("more-%d", i));
	WAIT_FOR(tw_web_metric("tcpwarden_cgroups") > 20);
	WAIT_FOR((unsigned)tw_web_metric("tcpwarden_cgroups") == tw_cgroups_known());
}

/* More than are asked of the kernel in one go. */
TW_TEST(web__metrics_count_many_cgroups)
{
	for (int i = 0; i < 1500; i++)
		tw_cgroup(tw_node, tw_format("many-%d", i));
	tw_enforce(POLICY);
	WAIT_FOR((unsigned)tw_web_metric("tcpwarden_cgroups") > 1500);
	WAIT_FOR((unsigned)tw_web_metric("tcpwarden_cgroups") == tw_cgroups_known());
}

TW_TEST(web__metrics_count_reloads)
{
	struct tw_process daemon = tw_enforce(POLICY);
	const char *path = tw_policy("- {name: all, keepalive: 200s:10s:5}\n");

	WAIT_FOR(tw_web_metric("tcpwarden_policy_reloads_total{result=\"applied\"}") == 2);
	CHECK(tw_web_metric("tcpwarden_policy_last_reload_success") == 1);
	CHECK(tw_web_metric("tcpwarden_policy_generation") == 2);
	tw_policy("- {name: all, colour: red}\n");
	WAIT_FOR(tw_web_metric("tcpwarden_policy_reloads_total{result=\"refused\"}") >= 1);
	CHECK(tw_web_metric("tcpwarden_policy_last_reload_success") == 0);
	CHECK_HAS(tw_web_get("/").body, "policy refused");
	CHECK_HAS(tw_web_get("/").body, "policy.yaml:3:15: ");
	tw_policy("- {name: all, keepalive: 200s:10s:5}\n");
	WAIT_FOR(tw_web_metric("tcpwarden_policy_last_reload_success") == 1);
	CHECK(path && tw_runs(&daemon));
}

/* Sockets that were there before, and that no sweep brought under the policy. */
TW_TEST(web__metrics_count_sockets_that_differ)
{
	const char *series = "tcpwarden_sockets_differing{policy=\"all\"}";
	struct tw_process daemon;

	for (int i = 0; i < 3; i++)
		tw_sample_pair(tw_format("127.0.0.1:%d", 7000 + i));
	daemon = TW_START("run", "--no-sweep", "-c", tw_policy(POLICY), "--attach-to", tw_node);
	tw_wait_enforcing(&daemon);
	WAIT_FOR(tw_web_metric(series) == 6);
	CHECK_HAS(tw_web_get("/").body, "6 open sockets should carry their policy and do not");
	/* What `sockets` says of them is the same. */
	CHECK_INT((long long)TW_SOCKETS("--verdict", "differs").count, 6);
}

TW_TEST(web__a_sweep_leaves_none_that_differ)
{
	const char *series = "tcpwarden_sockets_differing{policy=\"all\"}";

	tw_sample_pair("127.0.0.1:7000");
	tw_enforce_swept(POLICY);
	WAIT_FOR(tw_web_metric(series) == 0);
	CHECK(tw_web_metric("tcpwarden_sweep_sockets_total{outcome=\"changed\"}") == 2);
	CHECK(tw_web_metric("tcpwarden_sockets_audited_timestamp_seconds") > 1e9);
}

TW_TEST(web__page)
{
	struct tw_response response;

	tw_enforce("- {name: first-one, keepalive: 50s:10s:5, user_timeout: auto}\n" POLICY);
	response = tw_web_get("/");
	CHECK_INT(response.status, 200);
	CHECK_HAS(response.head, "Content-Type: text/html; charset=utf-8\r\n");
	CHECK_HAS(response.head, "Content-Security-Policy: default-src 'none'; style-src 'nonce-");
	CHECK_HAS(response.head, "Cache-Control: no-store\r\n");
	CHECK_HAS(response.body, "first-one</th>");
	CHECK_HAS(response.body, tw_node);
	CHECK_HAS(response.body, tw_json_string(tw_status(), "digest"));
	CHECK_HAS(response.body, "<h2>Problems</h2>");
}

/* The checks of `doctor` are there when they were made, and so are their remedies. */
TW_TEST(web__page_shows_the_checks)
{
	tw_sysctl("net/ipv4/tcp_retries2", "6");
	tw_enforce(POLICY);
	WAIT_FOR(!strstr(tw_web_get("/").body, "being looked at"));
	CHECK_HAS(tw_web_get("/").body, "<strong>tcp-retries2</strong>");
}

TW_TEST(web__ends_while_it_looks)
{
	struct tw_process daemon = tw_enforce(POLICY);

	CHECK_INT(tw_web_get("/").status, 200);
	tw_signal(&daemon, SIGTERM);
	CHECK_INT(tw_join(&daemon).status, 0);
}

TW_TEST(web__head_has_no_body)
{
	struct tw_response get, head;

	tw_enforce(POLICY);
	get = tw_web_get("/healthz");
	head = ask("HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
	CHECK_INT(head.status, 200);
	CHECK_INT((long long)head.body_len, 0);
	CHECK_EQUAL(head.head, get.head);
	CHECK_EQUAL(get.body, "ok\n");
	CHECK_HAS(get.head, "Content-Length: 3\r\n");
}

/* --- readiness ------------------------------------------------------------------------ */

TW_TEST(web__ready)
{
	tw_enforce(POLICY);
	CHECK_INT(tw_web_get("/readyz").status, 200);
	/* Of each policy that takes effect. */
	tw_policy("- {name: all, keepalive: 200s:10s:5}\n");
	WAIT_FOR(tw_web_metric("tcpwarden_policy_generation") == 2);
	CHECK_INT(tw_web_get("/readyz").status, 200);
}

TW_TEST(web__not_ready_without_the_link)
{
	struct tw_response response;

	tw_enforce(POLICY);
	SYS(unlink(TW_PIN_LINK));
	response = tw_web_get("/readyz");
	CHECK_INT(response.status, 503);
	CHECK_EQUAL(response.body, "the link is gone: nothing is enforced\n");
	CHECK_INT(tw_web_get("/healthz").status, 200);
	CHECK(tw_web_metric("tcpwarden_attached") == 0);
	CHECK_HAS(tw_web_get("/").body, "not enforcing");
}

TW_TEST(web__not_ready_with_the_program_of_another)
{
	struct tw_response response;

	tw_enforce(POLICY);
	tw_foreign_replace(TW_PIN_LINK);
	response = tw_web_get("/readyz");
	CHECK_INT(response.status, 503);
	CHECK_EQUAL(response.body, "the link runs the program of another process\n");
}

TW_TEST(web__not_ready_when_the_cgroup_is_gone)
{
	const char *cgroup = tw_cgroup(tw_node, "gone");
	struct tw_process daemon = TW_START("run", "-c", tw_policy(POLICY), "--attach-to", cgroup);

	tw_wait_enforcing(&daemon);
	CHECK_INT(tw_web_get("/readyz").status, 200);
	SYS(rmdir(tw_cgroup_folder(cgroup)));
	WAIT_FOR(tw_web_get("/readyz").status == 503);
	CHECK_HAS(tw_web_get("/readyz").body, "the cgroup that we were attached to was removed");
	CHECK(tw_web_metric("tcpwarden_attached") == 0);
}

/* --- where it listens ---------------------------------------------------------------------- */

/* The address that its log names. */
static char *address_of(const struct tw_process *daemon)
{
	static const char start[] = "http://";
	char *at;

	WAIT_FOR(strstr(tw_log_of(daemon), start));
	at = strstr(tw_log_of(daemon), start) + sizeof(start) - 1;
	at[strcspn(at, "\n")] = '\0';
	return at;
}

static void check_listens(const char *listen)
{
	static const char get[] = "GET /healthz HTTP/1.0\r\n\r\n";
	struct tw_process daemon = TW_START("run", "--listen", listen, "-c", tw_policy(POLICY),
					    "--attach-to", tw_node);
	char *address = address_of(&daemon);

	CHECK_INT(tw_web_send(address, get, strlen(get)).status, 200);
	tw_signal(&daemon, SIGTERM);
	CHECK_INT(tw_join(&daemon).status, 0);
}

TW_TEST(web__listens_where_it_is_told)
{
	check_listens("127.0.0.1:0");
	check_listens("127.0.0.1:9999");
	check_listens("[::1]:0");
}

static int listening(void)
{
	return (int)TW_SOCKETS("--state", "LISTEN").count;
}

TW_TEST(web__off_listens_nowhere)
{
	struct tw_process daemon =
		TW_START("run", "--listen", "off", "-c", tw_policy(POLICY), "--attach-to", tw_node);

	tw_wait_enforcing(&daemon);
	CHECK_INT(listening(), 0);
}

TW_TEST(web__once_listens_nowhere)
{
	int taken = tw_listen(NULL, TW_WEB);

	tw_sweep_once(POLICY);
	close(taken);
}

TW_TEST(web__a_taken_port_leaves_all_as_it_was)
{
	struct tw_result result;

	tw_listen(NULL, TW_WEB);
	result = TW_RUN("run", "-c", tw_policy(POLICY), "--attach-to", tw_node);
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "cannot listen on " TW_WEB ": the port is taken");
	CHECK_INT(TW_RUN("status").status, 3);
	CHECK_INT(tw_programs_attached(tw_node), 0);
}

TW_TEST(web__an_address_that_is_not_ours)
{
	struct tw_result result = TW_RUN("run", "--listen", "192.0.2.1:9464", "-c",
					 tw_policy(POLICY), "--attach-to", tw_node);

	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "cannot listen on 192.0.2.1:9464: Cannot assign requested address");
}

TW_TEST(web__bad_addresses)
{
	static const char *const bad[] = {
		"",	      "9464",	  ":9464",	     "localhost:9464", "127.0.0.1",
		"127.0.0.1:", "::1:9464", "127.0.0.1:65536", "127.0.0.1:x",    "[::1]",
		"on",	      "0"
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct tw_result result = TW_RUN("run", "--listen", bad[i], "--attach-to", tw_node);

		CHECK_INT(result.status, 2);
		CHECK_HAS(result.err, "--listen wants an address and a port");
	}
}

/* The one that waits has the port as soon as the one before it is gone. */
TW_TEST(web__takeover)
{
	struct tw_process first = tw_enforce(POLICY), second;

	second = TW_START("run", "--wait", "-c", tw_policy(POLICY), "--attach-to", tw_node);
	tw_signal(&first, SIGKILL);
	tw_join(&first);
	WAIT_FOR(strstr(tw_log_of(&second), "http://" TW_WEB));
	CHECK_INT(tw_web_get("/readyz").status, 200);
}

/* --- bad clients ------------------------------------------------------------------------------ */

TW_TEST(web__refusals)
{
	static const struct {
		const char *text;
		int status;
	} rows[] = {
		{ "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 405 },
		{ "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 405 },
		{ "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404 },
		{ "GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 404 },
		{ "GET /metrics/../healthz HTTP/1.1\r\nHost: a\r\n\r\n", 404 },
		{ "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 404 },
		{ "GET /metrics/ HTTP/1.1\r\nHost: a\r\n\r\n", 404 },
		{ "GET /metrics HTTP/1.1\r\n\r\n", 400 },
		{ "garbage\r\n\r\n", 400 },
		{ "\x16\x03\x01\x02\x01\n", 400 }, /* as TLS begins */
		{ "GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", 413 },
		{ "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505 },
	};
	struct tw_response response;

	tw_enforce(POLICY);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_INT(ask(rows[i].text).status, rows[i].status);
	response = ask(rows[0].text);
	CHECK_HAS(response.head, "Allow: GET, HEAD\r\n");
	CHECK_EQUAL(response.body, "Method Not Allowed\n");
}

static void check_huge(const char *before, int status)
{
	size_t len = 1 << 20;
	char *text = malloc(len + 1);

	CHECK(text);
	memset(text, 'x', len);
	text[len] = '\0';
	memcpy(text, before, strlen(before));
	CHECK_INT(tw_web_send(TW_WEB, text, len).status, status);
	free(text);
}

TW_TEST(web__huge_requests)
{
	tw_enforce(POLICY);
	check_huge("GET / HTTP/1.1\r\nHost: a\r\nX: ", 431);
	check_huge("GET /", 414);
	check_huge("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n", 405);
	CHECK_INT(tw_web_get("/healthz").status, 200);
}

static int descriptors(const struct tw_process *daemon)
{
	DIR *dir = opendir(tw_format("/proc/%d/fd", daemon->pid));
	int count = 0;

	CHECK(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* A daemon that has nothing to do any more. */
static struct tw_process settled(void)
{
	struct tw_process daemon = tw_enforce_swept(POLICY);

	WAIT_FOR(tw_web_metric("tcpwarden_sockets_audited_timestamp_seconds") > 0);
	return daemon;
}

static long resident_kib(const struct tw_process *daemon)
{
	char *status = tw_read_file(tw_format("/proc/%d/status", daemon->pid));

	CHECK_HAS(status, "VmRSS:");
	return strtol(strstr(status, "VmRSS:") + 6, NULL, 10);
}

/* Descriptors do not leak, and memory neither (where freed memory is given back at once). */
TW_TEST(web__ten_thousand_requests)
{
	struct tw_process daemon = settled();
	int before;
	long kib;

	for (int i = 0; i < 100; i++)
		CHECK_INT(tw_web_get("/metrics").status, 200);
	before = descriptors(&daemon);
	kib = resident_kib(&daemon);
	for (int i = 0; i < 10000; i++) {
		struct tw_response response = i % 10 ? tw_web_get("/healthz") : ask("bad\r\n\r\n");

		CHECK_INT(response.status, i % 10 ? 200 : 400);
		free(response.head);
	}
	/* Those that we closed are let go of as soon as it sees that. */
	WAIT_FOR(descriptors(&daemon) <= before);
	CHECK(resident_kib(&daemon) < kib + 4096 || getenv("ASAN_OPTIONS"));
}

static void check_garbage(unsigned *seed)
{
	char bytes[600];
	size_t len = (size_t)rand_r(seed) % sizeof(bytes);
	struct tw_response response;
	int fd = tw_connect(NULL, TW_WEB);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)rand_r(seed);
	send(fd, bytes, len, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	response = tw_web_receive(fd);
	CHECK(response.status == 0 || response.status == 400 || response.status == 405);
	free(response.head);
	close(fd);
}

TW_TEST(web__garbage)
{
	struct tw_process daemon = tw_enforce(POLICY);
	unsigned seed = 1;

	for (int i = 0; i < 1000; i++)
		check_garbage(&seed);
	CHECK(tw_runs(&daemon));
	CHECK_INT(tw_web_get("/healthz").status, 200);
}

/*
 * All places taken by clients that say nothing, or a byte now and then: each is
 * told so when its time is over, and those who wait are served.
 */
TW_TEST(web__slow_clients)
{
	struct tw_process daemon = settled();
	int slow[40], before = descriptors(&daemon);
	struct tw_response response;

	for (int i = 0; i < 40; i++)
		slow[i] = tw_connect(NULL, TW_WEB);
	for (int i = 0; i < 40; i += 2)
		SYS(send(slow[i], "G", 1, MSG_NOSIGNAL));
	WAIT_FOR(descriptors(&daemon) > before);
	/* At most so many at once, whoever waits. */
	CHECK(descriptors(&daemon) <= before + 8);
	for (int i = 8; i < 40; i++)
		close(slow[i]);
	response = tw_web_get("/healthz");
	CHECK_INT(response.status, 200);
	CHECK_INT(tw_web_receive(slow[0]).status, 408);
	CHECK_INT(tw_web_receive(slow[1]).status, 408);
}

/* An answer that nobody takes keeps nobody else waiting. */
TW_TEST(web__a_client_that_does_not_read)
{
	static const char get[] = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
	char *list = calloc(1, 256 * 64), *end = list;
	struct tw_process daemon;
	int deaf = tw_socket(NULL, AF_INET, 0);

	CHECK(list);
	for (int i = 0; i < 256; i++)
		end += sprintf(end, "- {name: policy-%d, keepalive: %ds:10s:5}\n", i, 100 + i);
	daemon = tw_enforce_file(tw_policy("%s", list));
	tw_set(deaf, SOL_SOCKET, SO_RCVBUF, 4096);
	tw_connect_on(deaf, TW_WEB);
	SYS(send(deaf, get, strlen(get), 0));
	for (int i = 0; i < 20; i++)
		CHECK_INT(tw_web_get("/metrics").status, 200);
	CHECK(tw_runs(&daemon));
}

TW_TEST(web__clients_that_vanish)
{
	static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	struct tw_process daemon = settled();
	int before = descriptors(&daemon);

	for (int i = 0; i < 200; i++) {
		int fd = tw_connect(NULL, TW_WEB);

		SYS(send(fd, get, strlen(get) / (size_t)(1 + i % 3), MSG_NOSIGNAL));
		tw_close_reset(fd);
	}
	CHECK_INT(tw_web_get("/healthz").status, 200);
	WAIT_FOR(descriptors(&daemon) <= before);
}

TW_TEST(status__lists_bpf_errors)
{
	tw_enforce(POLICY);
	CHECK(tw_json_has(tw_status(), "errors"));
	CHECK_HAS(TW_RUN("doctor").out, "bpf-errors");
}
