/* SPDX-License-Identifier: Apache-2.0 */
/* What a client prefers, and what it has already: Accept, Accept-Encoding, Accept-Language, and lists of entity tags (RFC 9110, sections
 * 8.8.3, 12 and 13). Pure. */
#ifndef SKT_WIRE_HTTPACCEPT_H
#define SKT_WIRE_HTTPACCEPT_H

#include "wire/httphead.h"

enum skt_coding { SKT_CODING_NONE, SKT_CODING_GZIP, SKT_CODING_ZSTD, SKT_CODING_BR, SKT_CODINGS };

/* "", "gzip", "zstd", "br". */
const char *skt_coding_name(enum skt_coding coding);
/* Of the codings in the set (bits 1 << coding), the one that an Accept-Encoding likes best, br before zstd before gzip where it likes them as much;
 * NONE where it likes none of them, or the content as it is better. An empty field likes nothing. */
enum skt_coding skt_accept_coding(struct skt_span field, unsigned set);

/* How much an Accept, or Accept-Language, likes that word, in thousandths; 0: not at all. `word` is "text/html" or "en": ranges (of all text, of everything,
 * "en-GB" for "en") count. A field that did not come likes everything. */
int skt_accept_weight(struct skt_span field, const char *word);

/* Whether a list of entity tags (If-Match, If-None-Match) has that one, which is strong and in its quotes; `weakly`: a weak one counts as well.
 * "*" has all. What is malformed has none. */
bool skt_tags_have(struct skt_span field, const char *tag, bool weakly);

#endif
