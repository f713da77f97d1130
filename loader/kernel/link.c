// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/link.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "kernel/caps.h"
#include "lib/cleanup.h"

int tw_link_read(const char *pin, uint64_t *ret_cgroup, uint32_t *ret_program)
{
	_cleanup_close_ int fd = bpf_obj_get(pin);
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	if (ret_cgroup)
		*ret_cgroup = info.cgroup.cgroup_id;
	if (ret_program)
		*ret_program = info.prog_id;
	return 0;
}

/* Make and pin a new link; unpinned it dies with its descriptor, so nothing half-made stays. */
static int attach_new(const char *pin, int program, int cgroup, enum bpf_attach_type type,
		      struct tw_fault *fault)
{
	_cleanup_close_ int link = bpf_link_create(program, cgroup, type, NULL);

	if (link < 0 && errno == EPERM && !tw_caps_missing())
		return tw_fault(
			fault, -errno,
			"cannot attach to the cgroup: another program is attached to it, or "
			"above it, without allowing others (`bpftool cgroup tree` shows it)");
	if (link < 0)
		return tw_fault(fault, -errno, "cannot attach to the cgroup: %m");
	if (bpf_obj_pin(link, pin) < 0)
		return tw_fault(fault, -errno, "cannot pin the link at %s: %m", pin);
	return 0;
}

int tw_link_attach(const char *pin, int program, int cgroup, enum bpf_attach_type type,
		   struct tw_fault *fault)
{
	_cleanup_close_ int link = -1;
	uint64_t attached;
	int error;

	error = tw_link_read(pin, &attached, NULL);
	if (error == -ENOENT)
		return attach_new(pin, program, cgroup, type, fault);
	if (error)
		return tw_fault(fault, error, "cannot read the link at %s: %m", pin);
	if (!attached) {
		if (unlink(pin) < 0)
			return tw_fault(fault, -errno, "cannot remove the dead link %s: %m", pin);
		return attach_new(pin, program, cgroup, type, fault);
	}
	link = bpf_obj_get(pin);
	if (link < 0 || bpf_link_update(link, program, NULL) < 0)
		return tw_fault(fault, -errno, "cannot update the link at %s: %m", pin);
	return 0;
}

/*
 * Detach before the pin goes: a link that loses its last reference is released
 * a moment later, and whoever removes it relies on nothing running afterwards.
 */
int tw_link_remove(const char *pin, struct tw_fault *fault)
{
	_cleanup_close_ int link = bpf_obj_get(pin);

	if (link >= 0)
		bpf_link_detach(link);
	if (unlink(pin) < 0 && errno != ENOENT)
		return tw_fault(fault, -errno, "cannot remove %s: %m; run as root", pin);
	return 0;
}
