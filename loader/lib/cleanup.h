/* SPDX-License-Identifier: GPL-2.0-only */
/* Ownership by scope: declare with a _cleanup_ attribute, initialise at once, TAKE_ on escape. */
#ifndef TW_LIB_CLEANUP_H
#define TW_LIB_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

static inline void tw_freep(void *p)
{
	free(*(void **)p);
}

static inline void tw_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void tw_fclosep(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void tw_closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define _cleanup_free_	   _cleanup_(tw_freep)
#define _cleanup_close_	   _cleanup_(tw_closep)
#define _cleanup_fclose_   _cleanup_(tw_fclosep)
#define _cleanup_closedir_ _cleanup_(tw_closedirp)

/* The value of `var`, which gives up its ownership. */
#define TAKE_PTR(var)                   \
	({                              \
		typeof(var) _p = (var); \
		(var) = NULL;           \
		_p;                     \
	})
#define TAKE_FD(var)            \
	({                      \
		int _f = (var); \
		(var) = -1;     \
		_f;             \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
