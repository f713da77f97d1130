// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/core.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "bpf/core.h" /* made from the objects: tw_core_types, tw_core_targets */
#include "kernel/btf_slice.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/log.h"

#define MAX_BTF (256 * 1024 * 1024)

static struct tw_btf_target targets[ARRAY_SIZE(tw_core_targets)];

static int cut(const void *btf, size_t size, struct tw_buf *slice)
{
	const struct tw_btf_wish wish = {
		.types = tw_core_types,
		.type_count = ARRAY_SIZE(tw_core_types),
		.targets = targets,
		.target_count = ARRAY_SIZE(targets),
	};

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		targets[i].name = tw_core_targets[i];
	return tw_btf_slice(btf, size, &wish, slice);
}

/* From Linux 6.16 on it can be mapped (a539e2a6d51d); read, each page is a system call. */
static int make_slice(struct tw_buf *slice)
{
	_cleanup_close_ int fd = open(TW_BTF_PATH, O_RDONLY | O_CLOEXEC);
	_cleanup_buf_ struct tw_buf whole = TW_BUF_INIT;
	struct stat st;
	void *mapped;
	int error;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	mapped = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (mapped != MAP_FAILED) {
		error = cut(mapped, (size_t)st.st_size, slice);
		munmap(mapped, (size_t)st.st_size);
		return error;
	}
	error = tw_file_read_open(fd, MAX_BTF, &whole);
	return error ?: cut(whole.data, whole.len, slice);
}

/* libbpf takes BTF by its path. The file goes with this process. */
static int store(const struct tw_buf *slice, size_t size, char *ret_path)
{
	_cleanup_close_ int fd = memfd_create("tcpwarden-btf", MFD_CLOEXEC);
	char path[32];

	if (fd < 0)
		return -errno;
	if (write(fd, slice->data, slice->len) != (ssize_t)slice->len)
		return -EIO;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (access(path, R_OK) < 0)
		return -errno;
	snprintf(ret_path, size, "%s", path);
	TAKE_FD(fd);
	return 0;
}

/* --- programs that attach to a type of the kernel's --------------------------------- */

/*
 * libbpf reads the whole BTF for each tracing program, to look up what it
 * attaches to. So to libbpf it is one of another type until just before it is
 * loaded, and the number of its target is the one found while slicing.
 */
#define UNTIL_LOADED BPF_PROG_TYPE_RAW_TRACEPOINT

static int prepare(struct bpf_program *program, struct bpf_prog_load_opts *opts, long cookie)
{
	const char *prefix = (const char *)cookie;
	const char *name = strchr(bpf_program__section_name(program), '/');
	size_t len = strlen(prefix);

	for (size_t i = 0; i < ARRAY_SIZE(targets) && name; i++) {
		if (strncmp(targets[i].name, prefix, len) != 0 ||
		    strcmp(targets[i].name + len, name + 1) != 0)
			continue;
		opts->attach_btf_id = targets[i].id;
		return targets[i].id ? bpf_program__set_type(program, BPF_PROG_TYPE_TRACING)
				     : -ESRCH;
	}
	return -ESRCH;
}

static int handle(const char *section, enum bpf_attach_type type, const char *prefix)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .cookie = (long)prefix,
		    .prog_prepare_load_fn = prepare);
	int handler = libbpf_register_prog_handler(section, UNTIL_LOADED, type, &opts);

	return handler < 0 ? handler : 0;
}

static int prepare_all(char *ret_path, size_t size)
{
	_cleanup_buf_ struct tw_buf slice = TW_BUF_INIT;
	int error = make_slice(&slice);

	if (!error)
		error = store(&slice, size, ret_path);
	if (!error)
		error = handle("tp_btf/", BPF_TRACE_RAW_TP, "btf_trace_");
	return error ?: handle("iter/", BPF_TRACE_ITER, "bpf_iter_");
}

const struct bpf_object_open_opts *tw_core_opts(void)
{
	static struct bpf_object_open_opts opts = { .sz = sizeof(opts) };
	static bool tried;
	static char path[32];
	int error;

	if (tried)
		return &opts;
	tried = true;
	error = prepare_all(path, sizeof(path));
	if (error)
		tw_debug("the kernel's BTF is read whole: %s", strerror(-error));
	else
		opts.btf_custom_path = path;
	return &opts;
}
