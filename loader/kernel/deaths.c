// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/deaths.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "bpf/deaths.skel.h"
#include "kernel/core.h"
#include "kernel/hz.h"
#include "kernel/libbpf_log.h"
#include "kernel/maps.h"
#include "kernel/pins.h"
#include "lib/cleanup.h"

static int load(bool pinned, bool have_storage, struct tw_deaths_bpf **ret_skel,
		struct tw_fault *fault)
{
	struct tw_deaths_bpf *skel;
	int error;

	tw_libbpf_log_capture();
	skel = tw_deaths_bpf__open_opts(tw_core_opts());
	if (!skel)
		return tw_fault(fault, tw_errno(), "cannot open the BPF object of deaths: %m");
	skel->rodata->tw_hz = tw_hz_get();
	skel->rodata->tw_have_storage = have_storage;
	error = tw_maps_pin(skel->obj, pinned, fault);
	if (!error && pinned)
		error = bpf_map__set_pin_path(skel->maps.tw_events, TW_PIN_EVENTS);
	if (!error) {
		error = tw_deaths_bpf__load(skel);
		if (error)
			tw_fault(fault, error, "cannot load the BPF program of deaths: %m (%s)",
				 tw_libbpf_why(error));
	}
	if (error)
		tw_deaths_bpf__destroy(skel);
	else
		*ret_skel = skel;
	return error;
}

/* -EINVAL: an unknown helper, so storage cannot be read there. May go with the last 5.10. */
static int load_as_able(bool pinned, struct tw_deaths_bpf **ret_skel, struct tw_fault *fault)
{
	int error = load(pinned, true, ret_skel, fault);

	return error == -EINVAL ? load(pinned, false, ret_skel, fault) : error;
}

/* A pin moved onto another takes its place, and the last reference to it goes. */
static int pin(int link, struct tw_fault *fault)
{
	unlink(TW_PIN_LINK_NEXT);
	if (bpf_obj_pin(link, TW_PIN_LINK_NEXT) < 0 ||
	    rename(TW_PIN_LINK_NEXT, TW_PIN_LINK_DEATHS) < 0)
		return tw_fault(fault, -errno, "cannot pin the link at " TW_PIN_LINK_DEATHS ": %m");
	return 0;
}

/* Load and attach; the link is all that keeps it. */
static int attach(bool pinned, int *ret_link, struct tw_fault *fault)
{
	struct tw_deaths_bpf *skel;
	int link, error = load_as_able(pinned, &skel, fault);

	if (error)
		return error;
	link = bpf_raw_tracepoint_open(NULL, bpf_program__fd(skel->progs.tw_deaths));
	if (link < 0)
		error = tw_fault(fault, -errno,
				 "cannot attach to the tracepoint inet_sock_set_state: %m");
	else
		*ret_link = link;
	tw_deaths_bpf__destroy(skel);
	return error;
}

int tw_deaths_attach(struct tw_fault *fault)
{
	_cleanup_close_ int link = -1;
	int error = attach(true, &link, fault);

	return error ?: pin(link, fault);
}

int tw_deaths_try(struct tw_fault *fault)
{
	_cleanup_close_ int link = -1;

	return attach(false, &link, fault);
}
