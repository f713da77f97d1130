// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel tells as text and messages: /proc, cgroupfs, sock_diag(7). The
 * first byte says which; the rest stands in every file of /proc that is opened
 * meanwhile (the linker puts our open(2) and fopen(3) in the place of the libc's), or
 * is what a link there leads to.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/mman.h>

#include <tcpwarden/abi.h>

#include "fuzz.h"
#include "kernel/descriptor.h"
#include "kernel/netns.h"
#include "kernel/node_limits.h"
#include "kernel/owner.h"
#include "kernel/pins.h"
#include "kernel/process.h"
#include "kernel/sock_diag.h"
#include "lib/mounts.h"
#include "lib/path.h"
#include "policy/load.h"

#define OWNER_PID   4242
#define OWNER_START 987654321

/* --- the kernel's place ------------------------------------------------------------------ */

static const uint8_t *content;
static size_t content_size;

/* A file that holds the input. */
static int serve(void)
{
	int fd = memfd_create("tw-fuzz", MFD_CLOEXEC);

	fuzz_check(fd >= 0);
	fuzz_check(write(fd, content, content_size) == (ssize_t)content_size);
	fuzz_check(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static bool is_served(const char *path)
{
	return !strncmp(path, "/proc/", 6) || !strcmp(path, TW_PIN_ROOT);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
ssize_t __wrap_readlinkat(int folder, const char *name, char *target, size_t size);
int __wrap_flock(int fd, int operation);
int __wrap_bpf_obj_get(const char *path);
int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value);

int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	if (is_served(path))
		return serve();
	va_start(args, flags);
	if (flags & O_CREAT)
		mode = va_arg(args, mode_t);
	va_end(args);
	return __real_open(path, flags, mode);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	return is_served(path) ? fdopen(serve(), mode) : __real_fopen(path, mode);
}

/* As long as it may be, and without a NUL. */
ssize_t __wrap_readlinkat(int folder, const char *name, char *target, size_t size)
{
	size_t len = content_size < size ? content_size : size;

	(void)folder;
	(void)name;
	if (len)
		memcpy(target, content, len);
	return (ssize_t)len;
}

/* Somebody has the lock, */
int __wrap_flock(int fd, int operation)
{
	(void)fd;
	(void)operation;
	errno = EWOULDBLOCK;
	return -1;
}

int __wrap_bpf_obj_get(const char *path)
{
	(void)path;
	return serve();
}

/* and this is what the map says of it. */
int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	struct tw_owner owner = { .pid = OWNER_PID, .start_time = OWNER_START };

	(void)fd;
	(void)key;
	memcpy(value, &owner, sizeof(owner));
	return 0;
}

/* --- what is read ------------------------------------------------------------------------- */

static bool says(const char *word)
{
	return memmem(content, content_size, word, strlen(word));
}

static void read_mounts(void)
{
	_cleanup_free_ char *path = NULL;
	int r = tw_mounts_find("cgroup2", &path);

	fuzz_check((r == 0 && path) || (r == -ENOENT && !path));
	if (!r)
		fuzz_check(says("cgroup2"));
}

static void read_process_cgroup(void)
{
	struct tw_fault fault = TW_FAULT_INIT;
	_cleanup_free_ char *path = NULL, *normal = NULL;
	int r = tw_process_cgroup(1, &path, &fault);

	if (r) {
		fuzz_check(!path && *fault.text);
		fuzz_check(r == -EINVAL || r == -ENOENT || r == -EFBIG);
		return;
	}
	normal = tw_path_normal(path);
	fuzz_check(normal && !strcmp(normal, path));
	fuzz_check(says("0::"));
}

static void read_cgroup_processes(void)
{
	_cleanup_netns_list_ struct tw_netns_list list = TW_NETNS_LIST_INIT;

	/* Each is looked up in the real /proc. */
	if (content_size < 200)
		fuzz_check(tw_netns_find_in(serve(), &list) == 0);
}

static void read_sockstat(void)
{
	if (!tw_netns_has_tcp())
		fuzz_check(says("TCP"));
}

static void read_limits(void)
{
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_buf_ struct tw_buf words = TW_BUF_INIT;
	struct tw_check checks[TW_MAX_NODE_CHECKS];
	struct tw_node_limits limits;
	struct tw_timing timing;

	tw_node_limits_read(&limits);
	tw_timing_predict(&limits.fresh, &limits.timing, &timing);
	limits.fresh.value[TW_KEEPALIVE] = 1;
	tw_timing_predict(&limits.fresh, &limits.timing, &timing);
	fuzz_check(timing.busy.min_ms <= timing.busy.max_ms);
	fuzz_check(tw_timing_idle_words(&limits.fresh, &timing, &words) == 0);
	fuzz_check(tw_timing_busy_words(&limits.fresh, &limits.timing, &words) == 0);
	fuzz_check(tw_timing_zero_window_words(&limits.fresh, &limits.timing, &words) == 0);
	fuzz_check(tw_timing_connect_words(&limits.fresh, &limits.timing, &words) == 0);
	fuzz_check(tw_policy_load(NULL, &diags, &model) == 0);
	fuzz_check(tw_node_limits_check(&limits, &model, checks) <= TW_MAX_NODE_CHECKS);
}

static void read_owner(void)
{
	pid_t pid = 42;
	int r = tw_owner_pid(&pid);

	fuzz_check(r == 0 ? pid == OWNER_PID : r == -ESRCH && pid == 42);
	if (!r)
		fuzz_check(says("987654321") && says(")"));
}

static void read_sock_diag(void)
{
	_cleanup_live_ struct tw_live live = TW_LIVE_INIT;
	/* Of exactly this size. */
	_cleanup_free_ char *batch = malloc(content_size ? content_size : 1);
	int r;

	fuzz_check(batch);
	if (content_size)
		memcpy(batch, content, content_size);
	r = tw_sock_diag_read(batch, content_size, &live);
	fuzz_check(r <= 1);
	for (size_t i = 0; i < live.count; i++)
		fuzz_check(tw_live_state(live.sockets[i].state));
}

/* proc(5): socket:[INODE]; 0 is no inode of a socket. */
static void read_descriptor(void)
{
	uint64_t inode = tw_descriptor_inode(-1, "3");

	if (inode)
		fuzz_check(content_size > 8 && !memcmp(content, "socket:[", 8));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char letters[] = "mcnslodr";
	static void (*const kinds[])(void) = { read_mounts,	      read_process_cgroup,
					       read_cgroup_processes, read_sockstat,
					       read_limits,	      read_owner,
					       read_sock_diag,	      read_descriptor };
	const char *letter = size && data[0] ? strchr(letters, data[0]) : NULL;

	if (!size)
		return 0;
	content = data + 1;
	content_size = size - 1;
	kinds[letter ? (size_t)(letter - letters) : data[0] % ARRAY_SIZE(kinds)]();
	return 0;
}
