/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether an open socket is what its policy makes of it. Pure. */
#ifndef TW_POLICY_VERDICT_H
#define TW_POLICY_VERDICT_H

#include <tcpwarden/abi.h>

enum tw_socket_verdict {
	TW_VERDICT_OK,	    /* carries what its policy asks */
	TW_VERDICT_APP,	    /* differs because the policy lets the application win */
	TW_VERDICT_DIFFERS, /* should carry it and does not */
	TW_VERDICT_EXEMPT,  /* matched by an exemption */
	TW_VERDICT_PENDING, /* left alone: its pod is not known yet */
	TW_VERDICT_NONE,    /* matched by nothing but observers; listening sockets too */
	TW_VERDICTS,
};

/* Their names in JSON and options. */
extern const char *const tw_verdict_names[TW_VERDICTS];

/* `generation` is the one that the socket was matched with. */
enum tw_socket_verdict tw_verdict_of(const struct tw_socket *socket,
				     const struct tw_generation *generation);

#endif
