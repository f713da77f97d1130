/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What lives in bpffs, all below one folder of mode 0700:
 *
 *   /sys/fs/bpf/tcpwarden/            the lock: flock(2) on the folder
 *                         owner       struct tw_owner, whatever the version
 *                         records_v1  socket records, by TW_RECORD_VERSION, and
 *                         seats_v1    those that are not in socket storage
 *                         v1/         one folder an ABI version
 *                            link_sockops link_deaths tw_current tw_generations ...
 *                            link_guard  only while a policy needs it: kernel/guard.h
 *
 * Ours is found by these pins, never by a name that others could bear.
 */
#ifndef TW_KERNEL_PINS_H
#define TW_KERNEL_PINS_H

#include <stdbool.h>

#include <tcpwarden/abi.h>

#include "lib/fault.h"

#define TW_STRING_(x) #x
#define TW_STRING(x)  TW_STRING_(x)

#define TW_BPFFS       "/sys/fs/bpf"
#define TW_PIN_ROOT    TW_BPFFS "/tcpwarden"
#define TW_PIN_OWNER   TW_PIN_ROOT "/owner"
#define TW_PIN_RECORDS TW_PIN_ROOT "/records_v" TW_STRING(TW_RECORD_VERSION)
#define TW_PIN_SEATS   TW_PIN_ROOT "/seats_v" TW_STRING(TW_RECORD_VERSION)
#define TW_PIN_DIR     TW_PIN_ROOT "/v" TW_STRING(TW_ABI_VERSION)
#define TW_PIN_LINK    TW_PIN_DIR "/link_sockops"
#define TW_PIN_GUARD   TW_PIN_DIR "/link_guard"

#define TW_PIN_EVENTS	   TW_PIN_DIR "/tw_events"
#define TW_PIN_WANTED	   TW_PIN_DIR "/tw_wanted"
#define TW_PIN_LINK_DEATHS TW_PIN_DIR "/link_deaths"
#define TW_PIN_LINK_NEXT   TW_PIN_DIR "/link_deaths_next" /* for as long as a rename(2) takes */

/* Whether a bpf file system is mounted on TW_BPFFS. */
bool tw_bpffs_mounted(void);

/*
 * Whether something else is mounted there: in a container, the folder of a host
 * that has no bpf file system. One mounted by us would end with the container.
 */
bool tw_bpffs_hidden(void);

/* Mount it where it is not (and not hidden), and make the folders. */
int tw_pins_prepare(struct tw_fault *fault);

/*
 * Remove every pin of ours and the folders, of all versions; the link goes
 * first, so that nothing runs on half of its maps. 0 also when nothing is there.
 */
int tw_pins_remove(struct tw_fault *fault);

/* The same, but only what this ABI version pinned. */
int tw_pins_remove_own(struct tw_fault *fault);

/* Detach and remove the links alone; the maps stay, for a restore. */
int tw_pins_remove_links(struct tw_fault *fault);

/*
 * The pinned link of another ABI version, as a path, allocated. -ENOENT: there
 * is none.
 */
int tw_pins_other_link(char **ret_path);

/*
 * Remove what other ABI versions pinned, their links first. The socket records,
 * whose version is their own, stay.
 */
int tw_pins_remove_others(struct tw_fault *fault);

/* Whether there are maps that a generation was loaded into. */
bool tw_pins_have_maps(void);

#endif
