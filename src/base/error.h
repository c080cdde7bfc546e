/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong, as a kind that scripts can rely on and two lines that a person can act on. */
#ifndef SKT_BASE_ERROR_H
#define SKT_BASE_ERROR_H

/* The kinds of failure. Each value is also the exit status that the command line gives for it; they never change. */
enum skt_err {
	SKT_OK = 0,
	SKT_E_IO = 1,      /* the link failed after it was open */
	SKT_E_USAGE = 2,   /* usage or syntax */
	SKT_E_RESOLVE = 3, /* a name that could not be resolved */
	SKT_E_REFUSED = 4, /* refused or unreachable */
	SKT_E_TIMEOUT = 5, /* timed out */
	SKT_E_DENIED = 6,  /* permission, access list, TLS verification */
	SKT_E_INUSE = 7,   /* address in use */
	SKT_E_LIMIT = 8,   /* a resource limit: memory, descriptors, sizes */
	SKT_E_PEER = 9,    /* the peer broke the protocol */
	SKT_E_CHILD = 10,  /* the child could not be started */
	SKT_E_BUG = 70,    /* a bug of ours */
	SKT_AGAIN = 100,   /* not an error: call again when something has changed */
	SKT_EMPTY = 101,   /* not an error: a message of no bytes was read */
	SKT_LONGER = 102,  /* not an error: a message is there that needs more room */
};

/* One failure. A zeroed struct means none. Plain data: copy it freely, nothing to release. */
struct skt_error {
	enum skt_err kind;
	int sys;        /* errno where a system call failed, else 0 */
	int at;         /* offset in bytes into the text that was parsed, or -1 */
	char text[256]; /* what was tried, on what, and why it failed; in the user's language */
	char hint[192]; /* what to do about it; may be empty */
};

/* Fill *err (which may be NULL) and clear its hint; `sys` is an errno or 0. Returns -kind. */
int skt_fail(struct skt_error *err, enum skt_err kind, int sys, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* As skt_fail() for texts that were parsed: `at` is the offset in bytes of the first wrong character. Returns -SKT_E_USAGE. */
int skt_fail_at(struct skt_error *err, int at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Set the hint of *err (which may be NULL). */
void skt_hint(struct skt_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Out of memory, the same everywhere. Returns -SKT_E_LIMIT. */
int skt_fail_memory(struct skt_error *err);

/* The stable English word of a kind, for JSON: "io", "usage", "resolve", "refused", ... */
const char *skt_err_name(enum skt_err kind);

#endif
