// SPDX-License-Identifier: GPL-2.0-only
/* Real programs, unmodified; their sockets are asked through pidfd_getfd(2). */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "net.h"

/* 100 + 40 = 140 s, and an eighth. */
#define POLICY	"- {name: all, keepalive: 100s:10s:5, user_timeout: auto}\n"
#define ASKED	1, 100, 10, 5, 157500
#define ADDRESS "127.0.0.1:7000"
#define REQUEST "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static const char *find_program(const char *path)
{
	if (access(path, X_OK) != 0)
		tw_skip("%s is not installed", path);
	return path;
}

/* Start a server in the attach point's cgroup. */
static struct tw_process start_server(const char *program, const char *const *args)
{
	return tw_start(
		&(struct tw_command){ .program = program, .args = args, .cgroup = tw_node });
}

static bool accepts(const struct tw_process *server, const char *address, int *ret_fd)
{
	struct tw_address to = tw_address(address);
	int fd = SYS(tw_socket(NULL, to.storage.ss_family, 0));

	if (!tw_runs(server))
		FAIL("the server ended: %s", tw_log_of(server));
	if (connect(fd, TW_SOCKADDR(to), to.len) < 0) {
		close(fd);
		return false;
	}
	*ret_fd = fd;
	return true;
}

/* Connect, ask, and wait for the answer: the server is done with preparing its socket. */
static int ask(const struct tw_process *server, const char *address, const char *question)
{
	char answer[256];
	int fd = -1;

	WAIT_FOR(accepts(server, address, &fd));
	SYS(send(fd, question, strlen(question), 0));
	CHECK(SYS(recv(fd, answer, sizeof(answer), 0)) > 0);
	return fd;
}

static struct tw_process start_redis(const char *tcp_keepalive)
{
	const char *program = find_program("/usr/bin/redis-server");

	tw_enforce(POLICY);
	return start_server(program, ARGS("--port", "7000", "--bind", "127.0.0.1", "--save", "",
					  "--dir", tw_folder, "--tcp-keepalive", tcp_keepalive));
}

TW_TEST(programs__redis_without_keepalive_is_filled)
{
	struct tw_process redis = start_redis("0");
	int client = ask(&redis, ADDRESS, "PING\r\n");

	CHECK_OPTIONS(tw_peer_of(client), ASKED);
	CHECK_UNTOUCHED(client);
}

/* After accept() it sets keepalive to 300 s, every third of it, thrice: its own values stay. */
TW_TEST(programs__redis_with_its_default_keeps_it)
{
	struct tw_process redis = start_redis("300");
	int client = ask(&redis, ADDRESS, "PING\r\n");

	CHECK_OPTIONS(tw_peer_of(client), 1, 300, 100, 3, 157500);
}

static const char nginx_config[] =
	"daemon off;\n"
	"user root;\n"
	"worker_processes 1;\n"
	"pid nginx.pid;\n"
	"error_log stderr;\n"
	"events {}\n"
	"http {\n"
	"	access_log off;\n"
	"	client_body_temp_path body;\n"
	"	proxy_temp_path proxy;\n"
	"	fastcgi_temp_path fastcgi;\n"
	"	uwsgi_temp_path uwsgi;\n"
	"	scgi_temp_path scgi;\n"
	"	server { listen 127.0.0.1:7000; location / { return 200 ok; } }\n"
	"	server {\n"
	"		listen 127.0.0.1:7001 so_keepalive=33s:7s:3;\n"
	"		location / { return 200 ok; }\n"
	"	}\n"
	"	server {\n"
	"		listen 127.0.0.1:7002;\n"
	"		location / { proxy_pass http://127.0.0.1:7003; }\n"
	"	}\n"
	"}\n";

/* It answers before this returns: it listens a moment before it sets its listeners' options. */
static struct tw_process start_nginx(void)
{
	const char *program = find_program("/usr/sbin/nginx");
	const char *config = tw_write_file("nginx.conf", "%s", nginx_config);
	struct tw_process nginx;

	tw_enforce(POLICY);
	nginx = start_server(program, ARGS("-p", tw_folder, "-e", "stderr", "-c", config));
	close(ask(&nginx, ADDRESS, REQUEST));
	return nginx;
}

TW_TEST(programs__nginx_accepted)
{
	struct tw_process nginx = start_nginx();
	int client = ask(&nginx, ADDRESS, REQUEST);

	CHECK_OPTIONS(tw_peer_of(client), ASKED);
	CHECK_UNTOUCHED(client);
}

/* so_keepalive is set on the listener: 33 + 14 = 47 s, and an eighth. */
TW_TEST(programs__nginx_so_keepalive_is_kept)
{
	struct tw_process nginx = start_nginx();
	int client = ask(&nginx, "127.0.0.1:7001", REQUEST);

	CHECK_OPTIONS(tw_peer_of(client), 1, 33, 7, 3, 52875);
}

TW_TEST(programs__nginx_connecting_to_its_upstream)
{
	int upstream = tw_listen(NULL, "127.0.0.1:7003"), client = -1, accepted;
	struct tw_process nginx = start_nginx();

	WAIT_FOR(accepts(&nginx, "127.0.0.1:7002", &client));
	SYS(send(client, REQUEST, strlen(REQUEST), 0));
	accepted = tw_accept(upstream);
	CHECK_OPTIONS(tw_peer_of(accepted), ASKED);
	CHECK_UNTOUCHED(accepted);
}
