// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/libbpf_log.h"

#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

static char first[256];

static int capture(enum libbpf_print_level level, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* The first warning of a load names the cause; those after it are consequences. */
static int capture(enum libbpf_print_level level, const char *format, va_list args)
{
	static const char prefix[] = "libbpf: ";
	int len;

	if (level != LIBBPF_WARN || first[0])
		return 0;
	len = vsnprintf(first, sizeof(first), format, args);
	if (!strncmp(first, prefix, sizeof(prefix) - 1))
		memmove(first, first + sizeof(prefix) - 1, strlen(first) - sizeof(prefix) + 2);
	first[strcspn(first, "\n")] = '\0';
	return len;
}

void tw_libbpf_log_capture(void)
{
	first[0] = '\0';
	libbpf_set_print(capture);
}

const char *tw_libbpf_log_first(void)
{
	return first;
}
