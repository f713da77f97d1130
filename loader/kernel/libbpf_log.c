// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/libbpf_log.h"

#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"

static char first[256];

static int capture(enum libbpf_print_level level, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* The first warning of a load names the cause; those after it are consequences, for who debugs. */
static int capture(enum libbpf_print_level level, const char *format, va_list args)
{
	static const char prefix[] = "libbpf: ";
	char text[256], *message = text;
	int len;

	if (level != LIBBPF_WARN)
		return 0;
	len = vsnprintf(text, sizeof(text), format, args);
	if (!strncmp(text, prefix, sizeof(prefix) - 1))
		message += sizeof(prefix) - 1;
	message[strcspn(message, "\n")] = '\0';
	tw_debug("libbpf: %s", message);
	if (!first[0])
		snprintf(first, sizeof(first), "%s", message);
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
