/* SPDX-License-Identifier: Apache-2.0 */
/* What soket serve says: where its files can be reached. */
#ifndef SKT_CLI_SERVE_H
#define SKT_CLI_SERVE_H

#include "cli/args.h"
#include "io/listener.h"

/* Whether HTTP can be served there, and settle its role. Returns 0 or -SKT_E_USAGE. */
int skt_serve_check(struct skt_endpoint *e, struct skt_error *err);
/* Whether clients speak https to it. */
bool skt_serve_is_tls(const struct skt_endpoint *e);
/* Print the directory and every URL, or an event for each; with --qr the code of the one that reaches farthest. Returns 0 or -kind. */
int skt_serve_announce(const struct skt_args *args, const struct skt_endpoint *e, const struct skt_listener *l, const char *dir,
		       struct skt_error *err);

#endif
