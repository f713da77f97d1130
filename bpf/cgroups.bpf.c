// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cgroups that come and go, told to the loader as they do: a new one gets its
 * own element within milliseconds, whatever the size of the tree. Until then
 * its sockets meet the policies of its nearest known ancestor.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include <tcpwarden/abi.h>

char LICENSE[] SEC("license") = "GPL";

/* Events that found the ring full: the loader then reads the tree again. */
__u64 tw_cgroup_events_lost = 0;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, TW_CGROUP_RING);
} tw_cgroup_events SEC(".maps");

/* Only these and those below concern us; 0: all. */
const volatile __u64 tw_attach_cgroup = 0;

static __always_inline bool tw_concerns(struct cgroup *cgroup)
{
	struct cgroup_subsys_state *css;

	if (cgroup->root->hierarchy_id || cgroup->level > TW_MAX_CGROUP_DEPTH)
		return false;
	if (!tw_attach_cgroup)
		return true;
	for (int i = 0; i <= TW_MAX_CGROUP_DEPTH; i++) {
		if (cgroup->kn->id == tw_attach_cgroup)
			return true;
		css = cgroup->self.parent;
		if (!css)
			break;
		cgroup = css->cgroup;
	}
	return false;
}

static __always_inline int tw_tell(struct cgroup *cgroup, const char *path, __u32 kind)
{
	struct tw_cgroup_event *event;
	long len;

	if (!tw_concerns(cgroup))
		return 0;
	event = bpf_ringbuf_reserve(&tw_cgroup_events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&tw_cgroup_events_lost, 1);
		return 0;
	}
	len = bpf_probe_read_kernel_str(event->path, sizeof(event->path), path);
	event->id = cgroup->kn->id;
	event->at_ns = bpf_ktime_get_ns();
	event->kind = kind;
	event->len = len > 0 && len < (long)sizeof(event->path) ? len : 0;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(tw_cgroup_mkdir, struct cgroup *cgroup, const char *path)
{
	return tw_tell(cgroup, path, TW_CGROUP_CREATED);
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(tw_cgroup_rmdir, struct cgroup *cgroup, const char *path)
{
	return tw_tell(cgroup, path, TW_CGROUP_REMOVED);
}
