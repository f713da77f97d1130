/* SPDX-License-Identifier: GPL-2.0-only */
/* A folder for as long as a test takes. */
#ifndef TW_TESTS_UNIT_FOLDER_H
#define TW_TESTS_UNIT_FOLDER_H

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What a path is before its folder is made. */
#define UNIT_FOLDER "/tmp/tw-unit-XXXXXX"

/* Make a new folder, of a path that was one before too. 0, or -1 as cmocka wants it of a setup. */
static inline int unit_folder_make(char path[static sizeof(UNIT_FOLDER)])
{
	strcpy(path, UNIT_FOLDER);
	return mkdtemp(path) ? 0 : -1;
}

static inline int unit_folder_remove_one(const char *path, const struct stat *st, int type,
					 struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

/* Remove a folder with all that is in it. 0, or -1. */
static inline int unit_folder_remove(const char *path)
{
	return nftw(path, unit_folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
