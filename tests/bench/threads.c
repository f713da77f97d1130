/* SPDX-License-Identifier: GPL-2.0-only */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "lib/cleanup.h"
#include "threads.h"

#define KTHREADD 2

/* The file's one line: false where the process is gone. */
static bool read_line(int pid, const char *name, char *ret_line, size_t size)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "re");
	return file && fgets(ret_line, (int)size, file);
}

/* "PID (NAME) STATE PARENT ...": no kernel thread's name has a parenthesis that misleads. */
static bool is_kernel_thread(int pid)
{
	char line[512], state;
	int parent;

	return read_line(pid, "stat", line, sizeof(line)) &&
	       sscanf(line, "%*d (%*[^)]) %c %d", &state, &parent) == 2 && parent == KTHREADD;
}

void tw_threads_read(struct tw_threads *ret_threads)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	struct dirent *entry;
	char line[128];

	if (!proc)
		tw_bench_fail("/proc");
	ret_threads->count = 0;
	while ((entry = readdir(proc))) {
		int pid = isdigit((unsigned char)*entry->d_name) ? atoi(entry->d_name) : 0;

		if (!pid || !is_kernel_thread(pid) ||
		    !read_line(pid, "schedstat", line, sizeof(line)))
			continue;
		if (ret_threads->count == TW_MAX_THREADS)
			tw_bench_fail("more than %d kernel threads", TW_MAX_THREADS);
		ret_threads->list[ret_threads->count].pid = pid;
		ret_threads->list[ret_threads->count++].ns = strtod(line, NULL);
	}
	errno = 0;
	if (ret_threads->count == 0)
		tw_bench_fail("no kernel thread is seen, or the kernel has no /proc/PID/schedstat");
}

/* Both are in the order of pids, as /proc lists them. */
double tw_threads_used(const struct tw_threads *before, const struct tw_threads *after)
{
	double used = 0;

	for (size_t i = 0, j = 0; i < after->count; i++) {
		while (j < before->count && before->list[j].pid < after->list[i].pid)
			j++;
		used += after->list[i].ns;
		if (j < before->count && before->list[j].pid == after->list[i].pid)
			used -= before->list[j].ns;
	}
	return used;
}
