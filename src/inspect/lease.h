/* SPDX-License-Identifier: Apache-2.0 */
/* Leases: ports held for a program that has not bound them yet, and the records of who holds which. One file each, in the
 * user's runtime directory; inspect/leasebook.h writes them. */
#ifndef SKT_INSPECT_LEASE_H
#define SKT_INSPECT_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/json.h"

enum { SKT_LEASE_NAME_MAX = 32 };

struct skt_lease {
	char name[SKT_LEASE_NAME_MAX + 1]; /* [a-z][a-z0-9_-]*, or "" */
	unsigned port;
	pid_t owner;     /* the soket that holds it */
	uint64_t ticks;  /* when that began: see struct skt_process; 0: unknown */
	uint64_t pidns;  /* the inode of the pid namespace in which these two count; 0: unknown */
	pid_t child;     /* the command, or 0 */
	int64_t since;   /* nanoseconds since 1970 */
	char *command;   /* its words with blanks between them; long ones are cut */
	char *directory; /* where it was started */
	char *path;      /* of the record; NULL: not recorded */
};

struct skt_leases {
	struct skt_lease *lease;
	size_t n;
	size_t n_stale;      /* records of owners that are gone: removed while reading, where that is allowed */
	size_t n_unreadable; /* records that are none */
};

/* Every lease of this user that is alive, by port. Those of another pid namespace are left out, since nobody here can tell
 * whether they are alive. Returns 0 (none at all is fine, and so is a directory that is not there, or not ours), or -SKT_E_LIMIT. */
int skt_leases_read(struct skt_leases *ret, struct skt_error *err);
void skt_leases_release(struct skt_leases *l);
/* The lease of that port, or NULL. */
const struct skt_lease *skt_leases_of_port(const struct skt_leases *l, unsigned port);
void skt_lease_release(struct skt_lease *l);

/* Whether it is a name for a lease: [a-z][a-z0-9_-]*, at most SKT_LEASE_NAME_MAX bytes. */
bool skt_lease_is_name(const char *name);

/* A record: all of a lease but its path, as one JSON object. Bytes that are not UTF-8 become U+FFFD. */
void skt_lease_print(const struct skt_lease *l, struct skt_json *j);
/* Read one. Returns 0 (release it with skt_lease_release()); -SKT_E_USAGE where it is none; -SKT_E_LIMIT. */
int skt_lease_parse(const char *record, size_t n, struct skt_lease *ret);

/* Mix a text into a hash that is the same on every machine (FNV-1a); begin with SKT_LEASE_HASH. */
#define SKT_LEASE_HASH 0xcbf29ce484222325U
uint64_t skt_lease_hash(uint64_t hash, const char *text);

/* Whether its owner still runs: the process of that pid, begun then. */
bool skt_lease_is_alive(const struct skt_lease *l);
/* Fill owner, ticks and pidns with what is true of this process. */
void skt_lease_own(struct skt_lease *l);

#endif
