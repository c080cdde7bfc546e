/* SPDX-License-Identifier: Apache-2.0 */
/* Users and their passwords.
 *
 * How it works: a hash of a password is slow to check, so that whoever steals the file cannot try many; a browser sends its password with
 * each request, so what was good is remembered: as the SHA-256 of a random key, the user and the password, never as the password itself.
 * Plain passwords of the command line are compared by the same digest, so that the time tells nothing about them. Unknown users are checked
 * against the first hash there is, and refused. */
#include "http/password.h"

#include <crypt.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/text.h"
#include "sys/call.h"
#include "sys/ossl.h"

enum { PASSWORD_DIGEST = 32, PASSWORD_KEPT = 256, PASSWORD_LINE = 1024 };

/* enum of argon2.h */
enum { ARGON2_I = 1, ARGON2_ID = 2 };

/* What salts and digests are written in. */
static const char password_digits[] = "./+0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

struct password_user {
	char *name, *hash; /* hash NULL: plain, known by its digest */
	unsigned char digest[PASSWORD_DIGEST];
};

struct skt_passwords {
	pthread_mutex_t lock;
	struct password_user *user;
	size_t n, room;
	unsigned char key[PASSWORD_DIGEST];
	unsigned char kept[PASSWORD_KEPT][PASSWORD_DIGEST]; /* of what was verified */
	int n_kept, next_kept;
	char *(*crypt)(const char *phrase, const char *setting, void *data, int size);
	int (*argon2)(const char *encoded, const void *password, size_t n, int type);
};

struct skt_passwords *skt_passwords_new(void)
{
	struct skt_passwords *p = SKT_NEW(struct skt_passwords);

	if (!p)
		return NULL;
	(void)pthread_mutex_init(&p->lock, NULL);
	if (skt_sys.getrandom(p->key, sizeof(p->key), 0) != (ssize_t)sizeof(p->key)) {
		skt_free(p);
		return NULL;
	}
	return p;
}

void skt_passwords_free(struct skt_passwords *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		skt_free(p->user[i].name);
		skt_free(p->user[i].hash);
	}
	skt_free(p->user);
	(void)pthread_mutex_destroy(&p->lock);
	skt_free(p);
}

bool skt_passwords_is_empty(const struct skt_passwords *p)
{
	return p->n == 0;
}

/* Of the key, the user, a NUL and the password. False where there is no library or memory for it. */
static bool password_digest(const struct skt_passwords *p, struct skt_span user, struct skt_span password,
			    unsigned char ret[PASSWORD_DIGEST])
{
	struct skt_text t = { 0 };
	unsigned n = 0;
	bool good;

	skt_text_addn(&t, (const char *)p->key, sizeof(p->key));
	skt_text_addn(&t, user.s, user.n);
	skt_text_addc(&t, '\0');
	skt_text_addn(&t, password.s, password.n);
	good = !t.failed && skt_ossl_load(NULL) == 0 && EVP_Digest(t.s, t.len, ret, &n, EVP_sha256(), NULL) == 1 &&
	       n == PASSWORD_DIGEST;
	if (t.s)
		explicit_bzero(t.s, t.len);
	skt_text_release(&t);
	return good;
}

static bool password_equals(const unsigned char *a, const unsigned char *b, size_t n)
{
	unsigned char differs = 0;

	for (size_t i = 0; i < n; i++)
		differs |= a[i] ^ b[i];
	return differs == 0;
}

static struct password_user *password_new_user(struct skt_passwords *p, const char *name, size_t n)
{
	struct password_user *u;

	if (p->n == p->room) {
		size_t room = p->room ? p->room * 2 : 8;

		u = skt_realloc(p->user, room * sizeof(*u));
		if (!u)
			return NULL;
		p->user = u;
		p->room = room;
	}
	u = &p->user[p->n];
	*u = (struct password_user){ .name = skt_strndup(name, n) };
	if (!u->name)
		return NULL;
	p->n++;
	return u;
}

int skt_passwords_add(struct skt_passwords *p, const char *text, struct skt_error *err)
{
	const char *colon = strchr(text, ':');
	struct password_user *u;

	if (!colon || colon == text || !colon[1]) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("--auth wants a user and a password"));
		skt_hint(err, "%s", _("for example: --auth ana:secret, or --auth-file with hashed ones"));
		return -SKT_E_USAGE;
	}
	u = password_new_user(p, text, (size_t)(colon - text));
	if (!u)
		return skt_fail_memory(err);
	if (!password_digest(p, (struct skt_span){ text, (size_t)(colon - text) },
			     (struct skt_span){ colon + 1, strlen(colon + 1) }, u->digest))
		return skt_fail(err, SKT_E_LIMIT, 0, "%s",
				_("passwords cannot be compared: OpenSSL's libcrypto could not be loaded"));
	return 0;
}

/* Load what checks the hash. Returns 0, or -SKT_E_USAGE with *why. */
static int password_method(struct skt_passwords *p, const char *hash, const char **why)
{
	bool is_argon2 = strncmp(hash, "$argon2i", 8) == 0;
	void *library;

	*why = N_("it is no hash that is known here: plain passwords do not belong into a file");
	if (hash[0] != '$')
		return -SKT_E_USAGE;
	if (is_argon2 && !p->argon2) {
		*why = N_("its hash is of Argon2, and libargon2 is not installed");
		library = dlopen("libargon2.so.1", RTLD_NOW);
		*(void **)(&p->argon2) = library ? dlsym(library, "argon2_verify") : NULL;
		return p->argon2 ? 0 : -SKT_E_USAGE;
	}
	if (is_argon2)
		return 0;
	if (!p->crypt) {
		library = dlopen("libcrypt.so.1", RTLD_NOW);
		if (!library)
			library = dlopen("libcrypt.so.2", RTLD_NOW);
		*(void **)(&p->crypt) = library ? dlsym(library, "crypt_rn") : NULL;
		if (!p->crypt)
			*why = N_("its hash is one of crypt, and libcrypt is not installed");
	}
	return p->crypt ? 0 : -SKT_E_USAGE;
}

static bool password_matches(const struct skt_passwords *p, const char *hash, const char *password)
{
	struct crypt_data *data;
	const char *said;
	bool good;

	if (strncmp(hash, "$argon2i", 8) == 0)
		return p->argon2(hash, password, strlen(password), hash[8] == 'd' ? ARGON2_ID : ARGON2_I) == 0;
	data = SKT_NEW(struct crypt_data);
	said = data ? p->crypt(password, hash, data, (int)sizeof(*data)) : NULL;
	good = said && said[0] != '*' && strlen(said) == strlen(hash) &&
	       password_equals((const unsigned char *)said, (const unsigned char *)hash, strlen(hash));
	if (data)
		explicit_bzero(data, sizeof(*data));
	skt_free(data);
	return good;
}

/* Whether the library understands the hash: it gives one of the same kind for any password. */
static bool password_hash_is_good(const struct skt_passwords *p, const char *hash)
{
	struct crypt_data *data;
	const char *said;
	bool good;

	if (strncmp(hash, "$argon2i", 8) == 0) /* -35: it does not match; anything else says that it cannot be read */
		return p->argon2(hash, "", 0, hash[8] == 'd' ? ARGON2_ID : ARGON2_I) == -35;
	data = SKT_NEW(struct crypt_data);
	said = data ? p->crypt("", hash, data, (int)sizeof(*data)) : NULL;
	good = said && said[0] != '*' && strlen(said) == strlen(hash);
	skt_free(data);
	return good;
}

/* Whether two hashes are made alike: the same method and costs, a salt and a digest of the same lengths and characters. */
static bool password_is_like(const char *a, const char *b)
{
	/* the last two fields are the salt and the digest; bcrypt has them in one */
	int n_fields = 0, n_last = strncmp(a, "$2", 2) == 0 ? 1 : 2, field = 0;

	if (strlen(a) != strlen(b))
		return false;
	for (const char *s = a; *s; s++)
		n_fields += *s == '$';
	for (; *a; a++, b++) {
		field += *a == '$';
		if (*a == *b && (field <= n_fields - n_last || *a == '$'))
			continue;
		if (field <= n_fields - n_last || !strchr(password_digits, *a) || !strchr(password_digits, *b))
			return false;
	}
	return true;
}

/* To check a hash takes as long as a password does: of those that are made alike, one is checked, or a file of many would take minutes. */
static bool password_is_known_kind(const struct skt_passwords *p, const char *hash)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->user[i].hash && password_is_like(hash, p->user[i].hash))
			return true;
	return false;
}

static int password_line(struct skt_passwords *p, char *line, const char **why)
{
	char *colon = strchr(line, ':');
	size_t n = strlen(line);
	struct password_user *u;

	while (n && strchr(" \t\r\n", line[n - 1]))
		line[--n] = '\0';
	if (n == 0 || line[0] == '#')
		return 0;
	*why = N_("it is no user and hash with a colon between them");
	if (!colon || colon == line || !colon[1])
		return -SKT_E_USAGE;
	if (password_method(p, colon + 1, why) < 0)
		return -SKT_E_USAGE;
	*why = N_("its hash is malformed");
	if (!password_is_known_kind(p, colon + 1) && !password_hash_is_good(p, colon + 1))
		return -SKT_E_USAGE;
	u = password_new_user(p, line, (size_t)(colon - line));
	if (!u || !(u->hash = skt_strdup(colon + 1)))
		return -SKT_E_LIMIT;
	return 0;
}

int skt_passwords_add_file(struct skt_passwords *p, const char *path, struct skt_error *err)
{
	FILE *f = fopen(path, "re");
	char line[PASSWORD_LINE];
	const char *why = NULL;
	int ret = 0, n = 0;

	if (!f) {
		ret = errno == EACCES ? SKT_E_DENIED : SKT_E_USAGE;
		return skt_fail(err, (enum skt_err)ret, errno, _("cannot read %.180s: %s"), path, strerror(errno));
	}
	while (ret == 0 && fgets(line, sizeof(line), f)) {
		n++;
		why = N_("it is too long");
		ret = strlen(line) == sizeof(line) - 1 ? -SKT_E_USAGE : password_line(p, line, &why);
	}
	if (ret == 0 && ferror(f))
		ret = skt_fail(err, SKT_E_USAGE, errno, _("cannot read %.180s: %s"), path, strerror(errno));
	else if (ret == -SKT_E_LIMIT)
		(void)skt_fail_memory(err);
	else if (ret < 0) {
		(void)skt_fail(err, SKT_E_USAGE, 0, _("%.120s, line %d: %s"), path, n, _(why));
		skt_hint(err, "%s", _("make hashes with: openssl passwd -6, htpasswd -B or argon2"));
	}
	(void)fclose(f);
	explicit_bzero(line, sizeof(line));
	return ret;
}

static bool password_is_kept(const struct skt_passwords *p, const unsigned char *digest)
{
	bool found = false;

	for (int i = 0; i < p->n_kept; i++)
		found |= password_equals(p->kept[i], digest, PASSWORD_DIGEST);
	return found;
}

enum skt_password_said skt_password_check(struct skt_passwords *p, struct skt_span user, struct skt_span password)
{
	unsigned char digest[PASSWORD_DIGEST];
	bool found = false, is_plain = false, has_hashes = false;

	if (!password_digest(p, user, password, digest))
		return SKT_PASSWORD_NO;
	for (size_t i = 0; i < p->n; i++) {
		has_hashes |= p->user[i].hash != NULL;
		if (p->user[i].hash)
			continue;
		found |= password_equals(p->user[i].digest, digest, PASSWORD_DIGEST);
		is_plain |= skt_span_is(user, p->user[i].name);
	}
	(void)pthread_mutex_lock(&p->lock);
	found |= password_is_kept(p, digest);
	(void)pthread_mutex_unlock(&p->lock);
	if (found)
		return SKT_PASSWORD_YES;
	return has_hashes && !is_plain ? SKT_PASSWORD_SLOW : SKT_PASSWORD_NO;
}

static void password_keep(struct skt_passwords *p, const char *user, const char *password)
{
	unsigned char digest[PASSWORD_DIGEST];

	if (!password_digest(p, (struct skt_span){ user, strlen(user) },
			     (struct skt_span){ password, strlen(password) }, digest))
		return;
	(void)pthread_mutex_lock(&p->lock);
	memcpy(p->kept[p->next_kept], digest, sizeof(digest));
	p->next_kept = (p->next_kept + 1) % PASSWORD_KEPT;
	if (p->n_kept < PASSWORD_KEPT)
		p->n_kept++;
	(void)pthread_mutex_unlock(&p->lock);
}

bool skt_password_verify(struct skt_passwords *p, const char *user, const char *password)
{
	const struct password_user *found = NULL, *any = NULL;

	for (size_t i = 0; i < p->n; i++) {
		if (!p->user[i].hash)
			continue;
		any = any ? any : &p->user[i];
		if (!found && strcmp(p->user[i].name, user) == 0)
			found = &p->user[i];
	}
	if (!any || !password_matches(p, found ? found->hash : any->hash, password) || !found)
		return false;
	password_keep(p, user, password);
	return true;
}
