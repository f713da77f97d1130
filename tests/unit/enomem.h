/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that runs out. Each allocation of an operation fails once, and once
 * with all that follow: the operation says so, leaves nothing behind, and works
 * the next time.
 *
 * Counted are the allocations of our own objects, which the linker wraps (see
 * ENOMEM in the Makefile; a libc function that allocates inside, such as
 * getline(3), counts as one), and those of libyaml, jansson and libevent.
 */
#ifndef TW_TESTS_ENOMEM_H
#define TW_TESTS_ENOMEM_H

/* Does it once, frees what it got, and returns what it returned. */
typedef int (*enomem_fn)(void *data);

/*
 * Fail the allocations of `run` one after the other. It must return -ENOMEM, or
 * `also`: what is documented for it (0: it gets by without; -ENOMEM: nothing
 * else is). Neither memory nor a descriptor may be left. The last time nothing
 * fails, and it must return `success`. Returns how many allocations there were.
 */
unsigned enomem_each(enomem_fn run, void *data, int success, int also);

#endif
