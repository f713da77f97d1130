/* SPDX-License-Identifier: GPL-2.0-only */
/* Telling the service manager, as sd_notify(3) describes the protocol. */
#ifndef TW_LIB_NOTIFY_H
#define TW_LIB_NOTIFY_H

/*
 * Send `state`, such as "READY=1", to the socket that the environment's NOTIFY_SOCKET
 * names: an absolute path, or one in the abstract namespace, beginning with '@'. 0 where it
 * names none. -EINVAL: it is neither, or too long; another error: it cannot be reached.
 */
int tw_notify(const char *state);

#endif
