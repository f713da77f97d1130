/* SPDX-License-Identifier: GPL-2.0-only */
/* What people are told of: a dead connection, a policy that came or was refused, attach and
 * detach; and who asks, of what applications set. */
#ifndef TW_DAEMON_NOTICE_H
#define TW_DAEMON_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tcpwarden/abi.h>

#include "lib/buf.h"
#include "lib/endpoint.h"

enum tw_notice_kind {
	TW_NOTICE_DEAD,
	TW_NOTICE_POLICY,   /* a load: accepted, or refused with `message` */
	TW_NOTICE_ATTACHED, /* at `cgroup`; a run that took over from another says so too */
	TW_NOTICE_DETACHED,
	TW_NOTICE_LOST,	   /* `lost` notices did not reach this reader */
	TW_NOTICE_SETTING, /* an application set an option; for readers that ask */
};

/* Fields that a kind does not name are zero. */
struct tw_notice {
	uint64_t at_ns; /* CLOCK_REALTIME */
	enum tw_notice_kind kind;
	char *cgroup; /* dead, setting, attached; NULL: removed meanwhile */
	/* dead: */
	enum tw_reason reason;
	uint32_t silent_ms; /* see struct tw_event */
	/* setting, see struct tw_event: */
	enum tw_app_action action;
	enum tw_field field;
	uint32_t asked;
	uint32_t given;
	/* dead, setting: */
	enum tw_direction direction;
	uint32_t netns;
	struct tw_endpoint local;
	struct tw_endpoint remote;
	char policy[TW_NAME_LEN]; /* "": none */
	/* policy, attached: */
	uint64_t generation; /* in force now; of a refusal too */
	__u64 digest[2];     /* likewise */
	bool refused;
	char *message; /* why; of one accepted: the guard that tripped, else NULL */
	/* lost: */
	uint64_t lost;
};

#define TW_NOTICE_INIT ((struct tw_notice){ 0 })

void tw_notice_free(struct tw_notice *notice);
#define _cleanup_notice_ _cleanup_(tw_notice_free)

/* "dead", "policy", "attached", "detached", "lost", "setting": the JSON field `event`. */
const char *tw_notice_kind_name(enum tw_notice_kind kind);

/* Append one line of JSON and its line end. -ENOMEM. */
int tw_notice_json(const struct tw_notice *notice, struct tw_buf *buf);

/* What tw_notice_json() made, with its line end or without. -EPROTO: something else. */
int tw_notice_parse(const char *line, size_t len, struct tw_notice *ret_notice);

/* Append one line for people, without a line end. -ENOMEM. */
int tw_notice_text(const struct tw_notice *notice, struct tw_buf *buf);

/* The same without its time and kind. */
int tw_notice_describe(const struct tw_notice *notice, struct tw_buf *buf);

#endif
