// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/guard.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "bpf/guard.skel.h"
#include "kernel/core.h"
#include "kernel/libbpf_log.h"
#include "kernel/link.h"
#include "kernel/maps.h"
#include "kernel/pins.h"
#include "lib/cleanup.h"

/* What a kernel may refuse to it. */
struct able {
	bool follows; /* see tw_guard_try() */
	bool reads;   /* kernel memory */
};

static int load_as(bool pinned, struct able able, struct tw_guard_bpf **ret_skel,
		   struct tw_fault *fault)
{
	struct tw_guard_bpf *skel;
	int error;

	tw_libbpf_log_capture();
	skel = tw_guard_bpf__open_opts(tw_core_opts());
	if (!skel)
		return tw_fault(fault, tw_errno(), "cannot open the BPF object of the hook: %m");
	skel->rodata->tw_page_size = (__u32)sysconf(_SC_PAGESIZE);
	skel->rodata->tw_have_setsockopt = able.follows;
	skel->rodata->tw_have_read = able.reads;
	error = tw_maps_pin(skel->obj, pinned, fault);
	if (!error && pinned)
		error = bpf_map__set_pin_path(skel->maps.tw_events, TW_PIN_EVENTS);
	if (!error) {
		error = tw_guard_bpf__load(skel);
		if (error)
			tw_fault(fault, error, "cannot load the setsockopt hook: %m (%s)",
				 tw_libbpf_why(error));
	}
	if (error)
		tw_guard_bpf__destroy(skel);
	else
		*ret_skel = skel;
	return error;
}

/* A signal would interrupt the verifier, which then gives up: EAGAIN. */
static int load(bool pinned, struct tw_guard_bpf **ret_skel, bool *ret_follows,
		struct tw_fault *fault)
{
	static const struct able all_ables[] = {
		{ true, true }, { false, true }, { true, false }, { false, false }
	};
	sigset_t all, before;
	bool follows = false;
	int error = -EINVAL;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	/* -EINVAL: an unknown helper; -EACCES, -E2BIG: a verifier that does not follow it. */
	for (size_t i = 0; i < ARRAY_SIZE(all_ables); i++) {
		if (error != -EINVAL && error != -EACCES && error != -E2BIG)
			break;
		follows = all_ables[i].follows;
		error = load_as(pinned, all_ables[i], ret_skel, fault);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (!error)
		*ret_follows = follows;
	return error;
}

bool tw_guard_needed(const struct tw_generation *generation)
{
	for (size_t i = 0; i < TW_MAX_POLICIES; i++)
		if (generation->policy[i].precedence != TW_PRECEDENCE_APP)
			return true;
	return false;
}

bool tw_guard_attached(void)
{
	uint64_t cgroup;

	return tw_link_read(TW_PIN_GUARD, &cgroup, NULL) == 0 && cgroup;
}

int tw_guard_attach(int cgroup, struct tw_fault *fault)
{
	struct tw_guard_bpf *skel;
	bool follows;
	int error = load(true, &skel, &follows, fault);

	if (error)
		return error;
	error = tw_link_attach(TW_PIN_GUARD, bpf_program__fd(skel->progs.tw_guard), cgroup,
			       BPF_CGROUP_SETSOCKOPT, fault);
	tw_guard_bpf__destroy(skel);
	return error;
}

int tw_guard_remove(struct tw_fault *fault)
{
	return tw_link_remove(TW_PIN_GUARD, fault);
}

int tw_guard_try(bool *ret_follows, struct tw_fault *fault)
{
	struct tw_guard_bpf *skel;
	int error = load(false, &skel, ret_follows, fault);

	if (!error)
		tw_guard_bpf__destroy(skel);
	return error;
}
