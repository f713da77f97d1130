/* SPDX-License-Identifier: GPL-2.0-only */
/* The five options as setsockopt(2) numbers them; they are macros in the kernel, so BTF has none. */
#ifndef TW_OPTIONS_BPF_H
#define TW_OPTIONS_BPF_H

#define AF_INET		 2
#define SOL_SOCKET	 1
#define SO_KEEPALIVE	 9
#define SOL_TCP		 6
#define TCP_KEEPIDLE	 4
#define TCP_KEEPINTVL	 5
#define TCP_KEEPCNT	 6
#define TCP_USER_TIMEOUT 18

#endif
