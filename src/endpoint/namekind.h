/* SPDX-License-Identifier: Apache-2.0 */
/* Host names that the RFCs set apart: localhost, example.com, .local. Pure: nothing is looked up. */
#ifndef SKT_ENDPOINT_NAMEKIND_H
#define SKT_ENDPOINT_NAMEKIND_H

struct skt_namekind {
	const char *suffix; /* the name itself, or what it ends with behind a dot; "" for any name */
	const char *kind;   /* stable, for scripts: "loopback", "documentation", "link-local", "name", ... */
	const char *rfc;
	const char *help; /* one line, marked with N_() */
};

/* The kind of a host name, in either case, with or without a dot at its end; never NULL: the last row takes all. */
const struct skt_namekind *skt_namekind_of(const char *name);

#endif
