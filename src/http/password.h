/* SPDX-License-Identifier: Apache-2.0 */
/* Who may come in: users and their passwords. */
#ifndef SKT_HTTP_PASSWORD_H
#define SKT_HTTP_PASSWORD_H

#include "base/error.h"
#include "wire/httphead.h"

struct skt_passwords;

/* NULL without memory. */
struct skt_passwords *skt_passwords_new(void);
/* NULL is fine. */
void skt_passwords_free(struct skt_passwords *p);
/* One user, as "user:password". Returns 0, -SKT_E_USAGE or -SKT_E_LIMIT. */
int skt_passwords_add(struct skt_passwords *p, const char *text, struct skt_error *err);
/* The users of a file: a line "user:hash" each, where the hash is one of crypt(5) ($6$ SHA-512, $5$, $2b$ bcrypt, $y$ yescrypt, ...) or of
 * Argon2 ($argon2id$, $argon2i$); empty lines and those that begin with # are passed over. Libraries that check such hashes are loaded then.
 * Returns 0, or -SKT_E_USAGE with the number of the line that is wrong, -SKT_E_DENIED, -SKT_E_LIMIT. */
int skt_passwords_add_file(struct skt_passwords *p, const char *path, struct skt_error *err);
bool skt_passwords_is_empty(const struct skt_passwords *p);

enum skt_password_said {
	SKT_PASSWORD_NO,
	SKT_PASSWORD_YES,
	SKT_PASSWORD_SLOW, /* only skt_password_verify() can tell */
};

/* At once, from any thread: plain passwords, and those that were verified before. */
enum skt_password_said skt_password_check(struct skt_passwords *p, struct skt_span user, struct skt_span password);
/* By the hash, which takes long on purpose: for a thread beside the loop. An unknown user takes as long. What was good is remembered. */
bool skt_password_verify(struct skt_passwords *p, const char *user, const char *password);

#endif
