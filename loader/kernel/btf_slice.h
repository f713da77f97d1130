/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of a kernel's BTF as our programs need: a few hundred types of its
 * 140,000. To fit a program to the kernel libbpf parses all of them, and
 * compares all their names with those of the program's types, for each object
 * anew: some 30 ms, and twice 5 MB of memory. It takes a slice instead.
 */
#ifndef TW_KERNEL_BTF_SLICE_H
#define TW_KERNEL_BTF_SLICE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

/* A type that stays behind: only its number in the whole is of interest. */
struct tw_btf_target {
	const char *name; /* of a function or a typedef */
	uint32_t id;	  /* of the first that is so called; 0: none is */
};

struct tw_btf_wish {
	const char *const *types; /* names of structs, unions and enums, sorted by strcmp(3) */
	size_t type_count;
	struct tw_btf_target *targets; /* their numbers are filled in */
	size_t target_count;
};

/*
 * Cut the types of these names out of `btf`, raw BTF of this machine's byte
 * order, with all that their layout is made of; what a pointer points to is not
 * part of it, and becomes void. The slice is BTF of its own, appended to
 * `slice`, which is empty. -EPROTO: it is no BTF, or has kinds of types that we
 * do not know, which a newer kernel may.
 */
int tw_btf_slice(const void *btf, size_t size, const struct tw_btf_wish *wish,
		 struct tw_buf *slice);

#endif
