// SPDX-License-Identifier: GPL-2.0-only
/* Verdicts, waits with a deadline, small files. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "runner.h"

/* One write, so that the verdicts of two processes never mix. */
void tw_verdict(char letter, const char *reason)
{
	char buf[TW_VERDICT_LEN];
	int n = snprintf(buf, sizeof(buf), "%c%s", letter, reason);
	size_t len = (size_t)n < sizeof(buf) ? (size_t)n : sizeof(buf) - 1;

	if (write(tw_verdict_fd, buf, len + 1) < 0)
		fprintf(stderr, "tw-system: %s\n", buf + 1);
}

void tw_fail(const char *file, int line, const char *format, ...)
{
	const char *name = strrchr(file, '/');
	char reason[TW_VERDICT_LEN - 128];
	char where[TW_VERDICT_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	snprintf(where, sizeof(where), "%s:%d: %s", name ? name + 1 : file, line, reason);
	tw_verdict(TW_VERDICT_FAIL, where);
	fflush(NULL);
	_exit(1);
}

void tw_skip(const char *format, ...)
{
	char reason[TW_VERDICT_LEN - 1];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	tw_verdict(TW_VERDICT_SKIP, reason);
	fflush(NULL);
	_exit(0);
}

void tw_check_int(const char *file, int line, const char *what, long long actual,
		  long long expected)
{
	if (actual != expected)
		tw_fail(file, line, "%s is %lld, expected %lld", what, actual, expected);
}

void tw_check_has(const char *file, int line, const char *what, const char *text, const char *part)
{
	if (!strstr(text, part))
		tw_fail(file, line, "%s has no \"%s\": \"%s\"", what, part, text);
}

void tw_check_equal(const char *file, int line, const char *what, const char *text,
		    const char *other)
{
	if (strcmp(text, other) != 0)
		tw_fail(file, line, "%s is \"%s\", expected \"%s\"", what, text, other);
}

int64_t tw_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

int64_t tw_wait_end(void)
{
	return tw_now_ms() + tw_deadline_seconds() * 1000LL / 3;
}

bool tw_wait_more(int64_t end)
{
	struct timespec rest = { .tv_nsec = 5000000 };

	nanosleep(&rest, NULL);
	return tw_now_ms() < end;
}

char *tw_format(const char *format, ...)
{
	char *text;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		FAIL("no memory");
	return text;
}

char *tw_read_file(const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	if (!file)
		return NULL;
	if (getdelim(&text, &size, '\0', file) < 0)
		return tw_format("%s", "");
	return TAKE_PTR(text);
}

const char *tw_write_file(const char *name, const char *format, ...)
{
	const char *path = tw_format("%s/%s", tw_folder, name);
	const char *next = tw_format("%s.next", path);
	FILE *file = fopen(next, "we");
	va_list args;

	if (!file)
		FAIL("%s: %s", next, strerror(errno));
	va_start(args, format);
	vfprintf(file, format, args);
	va_end(args);
	if (fclose(file) != 0)
		FAIL("%s: %s", next, strerror(errno));
	SYS(rename(next, path));
	return path;
}

void tw_sysctl(const char *name, const char *value)
{
	_cleanup_free_ char *path = tw_format("/proc/sys/%s", name);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		FAIL("%s = %s: %s", name, value, strerror(errno));
}
