// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <event2/event.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/notice.h"
#include "daemon/publisher.h"

struct place {
	struct event_base *base;
	struct tw_publisher *publisher;
	char folder[32];
	char path[64];
};

static int open_publisher(struct place *place, struct tw_fault *fault)
{
	const struct tw_publisher_calls calls = { NULL, NULL, NULL };

	return tw_publisher_open(place->base, place->path, &calls, &place->publisher, fault);
}

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	struct tw_fault fault;

	strcpy(place->folder, "/tmp/tw-publisher-XXXXXX");
	if (!mkdtemp(place->folder))
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/events.sock", place->folder);
	place->base = event_base_new();
	*state = place;
	return open_publisher(place, &fault);
}

static int remove_place(void **state)
{
	struct place *place = *state;

	tw_publisher_close(place->publisher);
	event_base_free(place->base);
	assert_int_equal(access(place->path, F_OK), -1);
	rmdir(place->folder);
	free(place);
	return 0;
}

static void turn(const struct place *place)
{
	for (int i = 0; i < 4; i++)
		event_base_loop(place->base, EVLOOP_NONBLOCK);
}

static int join(const struct place *place)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, place->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	turn(place);
	return fd;
}

/* All that waits. */
static void read_all(int fd, struct tw_buf *buf)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		assert_int_equal(tw_buf_add(buf, chunk, (size_t)n), 0);
}

static void send_line(const struct place *place, const char *line)
{
	tw_publisher_send(place->publisher, 0, line, strlen(line));
	turn(place);
}

static void publisher__all_get_each_line(void **state)
{
	_cleanup_buf_ struct tw_buf a = TW_BUF_INIT, b = TW_BUF_INIT;
	struct place *place = *state;
	int first = join(place), second = join(place);
	struct stat st;

	assert_int_equal(stat(place->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(tw_publisher_readers(place->publisher), 2);
	send_line(place, "one\n");
	read_all(first, &a);
	close(first);
	turn(place);
	assert_int_equal(tw_publisher_readers(place->publisher), 1);
	send_line(place, "two\n");
	read_all(second, &b);
	assert_string_equal(tw_buf_string(&a), "one\n");
	assert_string_equal(tw_buf_string(&b), "one\ntwo\n");
	close(second);
}

/* The numbers of the lines in `buf`, in order, and what was said to be lost, make up `sent`. */
static void check_lines(const struct tw_buf *buf, unsigned sent, uint64_t lost)
{
	char *text = strdup(buf->data), *rest = text, *line;
	unsigned lines = 0;
	uint64_t told = 0;
	int last = -1;

	while ((line = strsep(&rest, "\n")) && rest) {
		struct tw_notice notice;

		if (line[0] == '{') {
			assert_int_equal(tw_notice_parse(line, strlen(line), &notice), 0);
			assert_int_equal(notice.kind, TW_NOTICE_LOST);
			told += notice.lost;
			continue;
		}
		assert_true(atoi(line) > last);
		last = atoi(line);
		lines++;
	}
	assert_int_equal(told, lost);
	assert_int_equal(lines + lost, sent);
	free(text);
}

static void publisher__who_does_not_read_loses_and_is_told(void **state)
{
	enum {
		SENT = 20000
	};
	_cleanup_buf_ struct tw_buf slow = TW_BUF_INIT, quick = TW_BUF_INIT;
	struct place *place = *state;
	int sleeper = join(place), reader = join(place);
	char line[64];
	uint64_t lost;

	for (int i = 0; i < SENT; i++) {
		snprintf(line, sizeof(line), "%06d %50s\n", i, "");
		send_line(place, line);
		read_all(reader, &quick);
	}
	check_lines(&quick, SENT, 0);
	lost = tw_publisher_lost(place->publisher);
	assert_true(lost > 0);
	for (int i = 0; i < 100; i++) {
		read_all(sleeper, &slow);
		turn(place);
	}
	check_lines(&slow, SENT, lost);
	assert_true(slow.len < 2 * TW_READER_BUFFER);
	send_line(place, "999999\n");
	read_all(sleeper, &slow);
	assert_string_equal(slow.data + slow.len - 7, "999999\n");
	close(sleeper);
	close(reader);
}

static void say(const struct place *place, int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	turn(place);
}

/* In one piece or in many; what is like it, or comes later, is none. */
static void publisher__settings_are_for_who_asks(void **state)
{
	static const char *const not_asking[] = { "settings ", "sett\n", "x", "\nsettings\n",
						  "set" };
	_cleanup_buf_ struct tw_buf told = TW_BUF_INIT, untold = TW_BUF_INIT;
	struct place *place = *state;
	int asks = join(place), other;

	for (size_t i = 0; i < ARRAY_SIZE(not_asking); i++) {
		other = join(place);
		say(place, other, not_asking[i]);
		assert_int_equal(tw_publisher_wants(place->publisher), 0);
		close(other);
	}
	other = join(place);
	say(place, other, "hello\n");
	say(place, other, TW_ASK_SETTINGS);
	say(place, asks, "sett");
	assert_int_equal(tw_publisher_wants(place->publisher), 0);
	say(place, asks, "ings\n");
	assert_int_equal(tw_publisher_wants(place->publisher), TW_WANT_SETTINGS);
	tw_publisher_send(place->publisher, TW_WANT_SETTINGS, "set\n", 4);
	send_line(place, "all\n");
	read_all(asks, &told);
	read_all(other, &untold);
	assert_string_equal(tw_buf_string(&told), "set\nall\n");
	assert_string_equal(tw_buf_string(&untold), "all\n");
	close(asks);
	turn(place);
	assert_int_equal(tw_publisher_wants(place->publisher), 0);
	close(other);
}

static void publisher__too_many_are_told_so(void **state)
{
	_cleanup_buf_ struct tw_buf said = TW_BUF_INIT;
	struct place *place = *state;
	int fds[TW_MAX_READERS], more;

	for (int i = 0; i < TW_MAX_READERS; i++)
		fds[i] = join(place);
	more = join(place);
	read_all(more, &said);
	assert_string_equal(tw_buf_string(&said),
			    "{\"error\":\"16 readers follow the events already\"}\n");
	close(more);
	close(fds[3]);
	turn(place);
	fds[3] = join(place);
	assert_int_equal(tw_publisher_readers(place->publisher), TW_MAX_READERS);
	for (int i = 0; i < TW_MAX_READERS; i++)
		close(fds[i]);
}

static void publisher__the_last_words_are_heard(void **state)
{
	_cleanup_buf_ struct tw_buf said = TW_BUF_INIT;
	struct place *place = *state;
	struct tw_fault fault;
	int fd = join(place);

	tw_publisher_send(place->publisher, 0, "end\n", 4);
	tw_publisher_close(place->publisher);
	place->publisher = NULL;
	read_all(fd, &said);
	assert_string_equal(tw_buf_string(&said), "end\n");
	close(fd);
	assert_int_equal(open_publisher(place, &fault), 0);
}

static void publisher__a_socket_in_use_and_one_left_over(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct place *place = *state;
	struct place other = *place;
	struct tw_fault fault;
	int fd;

	assert_int_equal(open_publisher(&other, &fault), -EADDRINUSE);
	assert_non_null(strstr(fault.text, "another tcpwarden listens there"));
	tw_publisher_close(place->publisher);
	place->publisher = NULL;
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(address.sun_path, place->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(open_publisher(place, &fault), 0);
	close(join(place));
}

static void publisher__a_path_that_is_too_long(void **state)
{
	const struct tw_publisher_calls calls = { NULL, NULL, NULL };
	struct tw_publisher *publisher;
	struct place *place = *state;
	struct tw_fault fault;
	char path[256];

	snprintf(path, sizeof(path), "%0200d", 0);
	assert_int_equal(tw_publisher_open(place->base, path, &calls, &publisher, &fault),
			 -ENAMETOOLONG);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(publisher__all_get_each_line),
		TEST(publisher__who_does_not_read_loses_and_is_told),
		TEST(publisher__settings_are_for_who_asks),
		TEST(publisher__too_many_are_told_so),
		TEST(publisher__the_last_words_are_heard),
		TEST(publisher__a_socket_in_use_and_one_left_over),
		TEST(publisher__a_path_that_is_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
