// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/neighbours.h"

#include <bpf/bpf.h>
#include <string.h>

#include "kernel/cgroup.h"
#include "kernel/cgroup_names.h"
#include "kernel/link.h"
#include "kernel/pins.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

#define MAX_PROGRAMS 64 /* of a cgroup, BPF_CGROUP_MAX_PROGS */

/* Its name where this process may ask for it, which takes CAP_SYS_ADMIN. */
static void add_program(struct tw_buf *text, __u32 id, const char *cgroup)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		info.name[0] = '\0';
	tw_buf_addf(text, "%s%u%s%s on %s", text->len ? ", " : "", id, *info.name ? " " : "",
		    info.name, cgroup);
}

/* The programs of one cgroup; of ours, those behind it. */
static void add_programs(struct tw_buf *text, const struct tw_cgroup_tree *tree, const char *cgroup,
			 __u32 ours)
{
	__u32 ids[MAX_PROGRAMS], count = MAX_PROGRAMS, flags, first = 0;
	_cleanup_close_ int fd = -1;

	if (tw_cgroup_open(tree, cgroup, &fd) ||
	    bpf_prog_query(fd, BPF_CGROUP_SOCK_OPS, 0, &flags, ids, &count) < 0)
		return;
	for (__u32 i = 0; i < count; i++)
		if (ids[i] == ours)
			first = i + 1;
	for (__u32 i = first; i < count; i++)
		add_program(text, ids[i], cgroup);
}

/* From a path to its parent's; false: it was the root. */
static bool go_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || !strcmp(path, "/"))
		return false;
	slash[slash == path] = '\0';
	return true;
}

bool tw_neighbours_check(struct tw_check *ret_check)
{
	_cleanup_cgroup_tree_ struct tw_cgroup_tree tree = TW_CGROUP_TREE_INIT;
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
	_cleanup_free_ char *path = NULL;
	struct tw_fault fault;
	uint64_t cgroup;
	__u32 ours;

	if (tw_link_read(TW_PIN_LINK, &cgroup, &ours) || !cgroup ||
	    tw_cgroup_tree_open(&tree, &fault) || tw_cgroup_path_of(&tree, cgroup, &path))
		return false;
	do
		add_programs(&text, &tree, path, ours);
	while (go_up(path));
	if (text.len)
		tw_check_set(ret_check, "neighbours", TW_CHECK_OK, "",
			     "sockops programs that run after ours, and can overwrite what it set "
			     "(`tcpwarden sockets --verdict differs` shows it): %s",
			     tw_buf_string(&text));
	else
		tw_check_set(ret_check, "neighbours", TW_CHECK_OK, "",
			     "no sockops program runs after ours");
	return true;
}
