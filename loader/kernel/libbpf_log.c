// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/libbpf_log.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "kernel/caps.h"
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

bool tw_libbpf_knows_kernel(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool known = btf && btf__type_cnt(btf) > 1;

	btf__free(btf);
	return known;
}

/* Before Linux 5.11 maps and programs count as locked memory, of the user as a whole. */
static bool limits_locked_memory(rlim_t *ret_limit)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return false;
	*ret_limit = limit.rlim_cur;
	return true;
}

const char *tw_libbpf_why(int error)
{
	const char *missing = tw_caps_missing();
	static char text[160];
	rlim_t limit;

	if (missing)
		snprintf(text, sizeof(text), "missing %s", missing);
	else if (error == -EPERM && limits_locked_memory(&limit))
		snprintf(text, sizeof(text),
			 "locked memory is limited to %llu KiB: give LimitMEMLOCK=infinity, "
			 "`ulimit -l unlimited`, or CAP_SYS_RESOURCE",
			 (unsigned long long)limit / 1024);
	else if (error == -ESRCH && !tw_libbpf_knows_kernel())
		snprintf(text, sizeof(text),
			 "this kernel does not tell its types: boot one that is built with "
			 "CONFIG_DEBUG_INFO_BTF=y");
	else
		return first;
	return text;
}
