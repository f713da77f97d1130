// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/death.h"

#include <errno.h>
#include <string.h>

#include "kernel/cgroup_names.h"
#include "kernel/current.h"
#include "kernel/state.h"
#include "lib/clock.h"

/* Follow a switch. Without memory, or a generation, names stay as they are known. */
static void refresh(struct tw_namer *namer)
{
	struct tw_loaded *loaded;
	uint64_t number;

	if (tw_current_number(namer->current, &number) ||
	    (namer->now && number == namer->now->number))
		return;
	loaded = calloc(1, sizeof(*loaded));
	if (!loaded || tw_loaded_read(namer->current, namer->loaded, loaded)) {
		free(loaded);
		return;
	}
	free(namer->before);
	namer->before = namer->now;
	namer->now = loaded;
}

static const char *name_in(const struct tw_loaded *loaded, uint16_t counter)
{
	for (uint32_t i = 0; loaded && i < loaded->policies; i++)
		if (loaded->policy[i].counter == counter)
			return loaded->policy[i].name;
	return NULL;
}

static void fill_kind(const struct tw_event *event, struct tw_notice *notice)
{
	if (event->kind == TW_EVENT_DEAD) {
		notice->kind = TW_NOTICE_DEAD;
		notice->reason = (enum tw_reason)event->reason;
		notice->silent_ms = event->silent_ms;
		return;
	}
	notice->kind = TW_NOTICE_SETTING;
	notice->action = (enum tw_app_action)event->action;
	notice->field = (enum tw_field)event->field;
	notice->asked = event->asked;
	notice->given = event->given;
}

int tw_namer_notice(struct tw_namer *namer, const struct tw_event *event,
		    struct tw_notice *ret_notice)
{
	struct tw_notice notice = {
		.at_ns = tw_clock_from_boot(event->at_ns),
		.direction = event->direction == TW_IN ? TW_IN : TW_OUT,
		.netns = event->netns,
		.local.port = event->local_port,
		.remote.port = event->remote_port,
	};
	const char *name;

	if (tw_cgroup_path_of(namer->tree, event->cgroup_id, &notice.cgroup) == -ENOMEM)
		return -ENOMEM;
	fill_kind(event, &notice);
	refresh(namer);
	name = name_in(namer->now, event->counter) ?: name_in(namer->before, event->counter);
	snprintf(notice.policy, sizeof(notice.policy), "%s", name ?: "");
	memcpy(notice.local.addr, event->local, sizeof(notice.local.addr));
	memcpy(notice.remote.addr, event->remote, sizeof(notice.remote.addr));
	*ret_notice = notice;
	return 0;
}

void tw_namer_free(struct tw_namer *namer)
{
	free(namer->now);
	free(namer->before);
	namer->now = namer->before = NULL;
}
