/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of the records of leases, locked: looking a name up and writing its record is one step for everybody else. */
#ifndef SKT_INSPECT_LEASEBOOK_H
#define SKT_INSPECT_LEASEBOOK_H

#include "inspect/lease.h"

struct skt_leasebook {
	int fd;     /* of the directory, -1: not open */
	char *path; /* of it */
	bool is_locked;
};

/* Open it: $XDG_RUNTIME_DIR/soket/leases, or that below /run/user/UID where there is one, or soket-UID/leases in $TMPDIR or
 * /tmp. With `writes` it is made where it is missing, and locked: at most 2 seconds are waited for the lock, which ends with
 * skt_leasebook_close() or with the process. Returns 0; -SKT_E_DENIED: it is not ours, or others may write to it;
 * -SKT_E_RESOLVE: it is not there; -SKT_E_IO: cannot be made or locked; -SKT_E_LIMIT. */
int skt_leasebook_open(struct skt_leasebook *ret, bool writes, struct skt_error *err);
void skt_leasebook_close(struct skt_leasebook *b);

/* Every lease in it that is alive, by port, as skt_leases_read(). Stale records, and what a crash left half-written, are removed
 * where it is locked. */
int skt_leasebook_read(const struct skt_leasebook *b, struct skt_leases *ret, struct skt_error *err);
/* The lease of that name and directory among them, or NULL. */
const struct skt_lease *skt_leasebook_find(const struct skt_leasebook *b, const struct skt_leases *among,
					   const char *directory, const char *name);
/* Write the record of our own lease, whole or not at all, and set l->path. Needs the lock. Returns 0, -SKT_E_IO or -SKT_E_LIMIT. */
int skt_leasebook_write(const struct skt_leasebook *b, struct skt_lease *l, struct skt_error *err);

/* Remove the record of our own lease, if there is one; forget its path. Needs no book. */
void skt_lease_remove(struct skt_lease *l);

#endif
