/* SPDX-License-Identifier: GPL-2.0-only */
/* The program that sees connections die (bpf/deaths.bpf.c): loaded, attached, pinned, taken over. */
#ifndef TW_KERNEL_DEATHS_H
#define TW_KERNEL_DEATHS_H

#include "lib/fault.h"

/*
 * Count and tell of deaths from now on, with or without us: the link is pinned.
 * One that is pinned already goes only when the new one sees; for that moment
 * both do. Needs the maps that tw_program_load() pinned. Where it fails, what
 * was attached before stays.
 */
int tw_deaths_attach(struct tw_fault *fault);

/* Load it with maps of its own that vanish with it: whether this kernel takes it. */
int tw_deaths_try(struct tw_fault *fault);

#endif
