/* SPDX-License-Identifier: Apache-2.0 */
/* What all TLS streams of one endpoint share.
 *
 * How it works: an SSL_CTX is never changed once streams use it, so that threads need no lock for it. Reading the files again makes a
 * new one; streams keep the one they began with. Of several certificates each has an SSL_CTX of its own, and the name that a
 * client asks for chooses among them. A client keeps some sessions and uses the newest: TLS 1.3 tickets are for one use each, and a
 * server sends new ones with each connection. */
#include "io/filter/tlscontext.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/message.h"
#include "io/filter/tlspin.h"
#include "io/filter/tlsself.h"
#include "sys/ossl.h"

enum { CONTEXT_READ_AHEAD = 4 * 17 * 1024, CONTEXT_ALPN = 256, CONTEXT_SESSION_S = 7200, CONTEXT_SESSIONS = 16 };

/* Those of TLS 1.2 with forward secrecy and authenticated encryption; of TLS 1.3 all. */
#define CONTEXT_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL"

struct skt_tls_context {
	struct skt_tls_config config;
	atomic_int refs;
	pthread_mutex_t lock;                   /* of ssl and the sessions */
	SSL_CTX *ssl;                           /* of the first certificate, or of a client */
	SSL_SESSION *session[CONTEXT_SESSIONS]; /* client: n_sessions of them, the newest last */
	int n_sessions;
	X509 *self_cert; /* made once: reading files again does not change who we are */
	EVP_PKEY *self_key;
	unsigned char pin[SKT_PIN_BYTES];
	unsigned char alpn[CONTEXT_ALPN];
	unsigned n_alpn;
	const char *open_key;
	char *alpn_text;
};

/* The SSL_CTXs of one reading; kept with the first of them, and freed with it. */
struct context_set {
	SSL_CTX *ssl[SKT_TLS_CERTS]; /* [0] is not owned */
	int n;
};

static int context_index = -1, set_index = -1, asked_index = -1, culprit_index = -1;
static pthread_once_t context_once = PTHREAD_ONCE_INIT;

static void set_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
	struct context_set *set = ptr;

	(void)parent, (void)ad, (void)index, (void)argl, (void)argp;
	for (int i = 1; set && i < set->n; i++)
		SSL_CTX_free(set->ssl[i]);
	skt_free(set);
}

static void culprit_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
	(void)parent, (void)ad, (void)index, (void)argl, (void)argp;
	X509_free(ptr);
}

static void context_init(void)
{
	culprit_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, culprit_free);
	context_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	asked_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	set_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, set_free);
}

static struct skt_tls_context *context_of(const SSL_CTX *ssl)
{
	return SSL_CTX_get_ex_data(ssl, context_index);
}

/* --- ALPN --------------------------------------------------------------------------------------------------------------- */

static int context_fail_alpn(const struct skt_tls_context *c, struct skt_error *err)
{
	(void)skt_fail(err, SKT_E_USAGE, 0, _("alpn=%.60s is not a list of names that TLS can send"), c->config.alpn);
	skt_hint(err, _("names apart by commas, such as h2,http/1.1; %d bytes at most"), CONTEXT_ALPN);
	return -SKT_E_USAGE;
}

/* "h2,http/1.1" as the wire has it: each name behind its length. */
static int context_alpn(struct skt_tls_context *c, const char *names, struct skt_error *err)
{
	while (names && *names) {
		size_t n = strcspn(names, ",");

		if (n == 0 || n > 255 || c->n_alpn + n + 1 > sizeof(c->alpn))
			return context_fail_alpn(c, err);
		c->alpn[c->n_alpn++] = (unsigned char)n;
		memcpy(c->alpn + c->n_alpn, names, n);
		c->n_alpn += (unsigned)n;
		names += n;
		if (*names == ',' && *++names == '\0')
			return context_fail_alpn(c, err);
	}
	return 0;
}

static int context_choose_alpn(SSL *ssl, const unsigned char **ret, unsigned char *n_ret, const unsigned char *theirs,
			       unsigned n_theirs, void *arg)
{
	struct skt_tls_context *c = arg;
	unsigned char *chosen;

	(void)ssl;
	if (SSL_select_next_proto(&chosen, n_ret, c->alpn, c->n_alpn, theirs, n_theirs) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301, section 3.2: no_application_protocol */
	*ret = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* --- certificates ------------------------------------------------------------------------------------------------------- */

static int context_file_failed(const char *what, const char *path, struct skt_error *err)
{
	unsigned long code = ERR_peek_last_error();
	int sys = ERR_GET_LIB(code) == ERR_LIB_SYS || ERR_GET_REASON(code) == ERR_R_SYS_LIB ? errno : 0;
	struct stat st;

	if (stat(path, &st) < 0)
		sys = errno;
	ERR_clear_error();
	if (sys) {
		(void)skt_fail(err, sys == EACCES ? SKT_E_DENIED : SKT_E_USAGE, sys, "%s=%s: %s", what, path,
			       strerror(sys));
		skt_hint(err, "%s", _("the path is relative to the directory that soket was started in"));
		return -(int)err->kind;
	}
	(void)skt_fail(err, SKT_E_USAGE, 0, _("%s=%.150s holds nothing of that kind in PEM"), what, path);
	skt_hint(err, "%s", _("PEM is text between -----BEGIN ...----- and -----END ...----- lines"));
	return -(int)SKT_E_USAGE;
}

static bool context_key_is_open(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH);
}

/* Keys with a passphrase: nobody is there to type it. */
static int context_no_passphrase(char *buf, int n, int writing, void *user)
{
	bool *is_locked = user;

	(void)buf, (void)n, (void)writing;
	*is_locked = true;
	return -1;
}

static int context_load(struct skt_tls_context *c, SSL_CTX *ssl, int i, struct skt_error *err)
{
	const char *cert = c->config.cert[i], *key = c->config.key[i] ? c->config.key[i] : cert;
	bool is_locked = false;

	SSL_CTX_set_default_passwd_cb(ssl, context_no_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(ssl, &is_locked);
	if (SSL_CTX_use_certificate_chain_file(ssl, cert) != 1)
		return context_file_failed("cert", cert, err);
	if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1) {
		unsigned long code = ERR_peek_error();

		if (is_locked) {
			ERR_clear_error();
			(void)skt_fail(err, SKT_E_USAGE, 0, _("key=%.150s is locked by a passphrase"), key);
			skt_hint(err, "%s",
				 _("nobody is there to type it: openssl pkey -in KEY -out OPEN unlocks a copy"));
			return -SKT_E_USAGE;
		}
		if (ERR_GET_LIB(code) == ERR_LIB_X509 && ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH) {
			ERR_clear_error();
			(void)skt_fail(err, SKT_E_USAGE, 0,
				       _("the key in %.100s does not belong to the certificate in %.100s"), key, cert);
			skt_hint(err, "%s", _("the certificate of the server itself must be the first of its file"));
			return -SKT_E_USAGE;
		}
		return context_file_failed("key", key, err);
	}
	if (!c->open_key && context_key_is_open(key))
		c->open_key = key;
	SSL_CTX_set_default_passwd_cb_userdata(ssl, NULL);
	return SSL_CTX_check_private_key(ssl) == 1 ? 0 : context_file_failed("key", key, err);
}

static int context_use_self(struct skt_tls_context *c, SSL_CTX *ssl, struct skt_error *err)
{
	int failed = 0;

	if (!c->self_cert)
		failed = skt_tls_self(c->config.self_name, c->config.n_self_names, &c->self_cert, &c->self_key, err);
	if (failed < 0)
		return failed;
	if (SSL_CTX_use_certificate(ssl, c->self_cert) != 1 || SSL_CTX_use_PrivateKey(ssl, c->self_key) != 1)
		return skt_fail(err, SKT_E_LIMIT, 0, "%s", _("cannot make a certificate"));
	return 0;
}

/* --- whom to trust ------------------------------------------------------------------------------------------------------ */

/* Reading the system's roots takes some 20 ms: once a process. */
static X509_STORE *context_roots(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static X509_STORE *roots;

	(void)pthread_mutex_lock(&lock);
	if (!roots) {
		roots = X509_STORE_new();
		if (roots)
			(void)X509_STORE_set_default_paths(roots);
	}
	if (roots)
		(void)X509_STORE_up_ref(roots);
	(void)pthread_mutex_unlock(&lock);
	return roots;
}

static int context_trust(struct skt_tls_context *c, SSL_CTX *ssl, struct skt_error *err)
{
	const char *ca = c->config.ca;
	X509_STORE *roots;

	if (ca) {
		if (SSL_CTX_load_verify_file(ssl, ca) != 1)
			return context_file_failed(c->config.is_server ? "client-ca" : "ca", ca, err);
		if (c->config.is_server)
			SSL_CTX_set_client_CA_list(ssl, SSL_load_client_CA_file(ca));
		return 0;
	}
	if (c->config.is_server || c->config.pin || (c->config.no_verify && !c->config.looks))
		return 0;
	roots = context_roots();
	if (!roots)
		return skt_fail_memory(err);
	SSL_CTX_set_cert_store(ssl, roots);
	return 0;
}

static bool context_passes(const struct skt_tls_context *c, X509_STORE_CTX *store)
{
	X509 *cert = X509_STORE_CTX_get0_cert(store);
	unsigned char pin[SKT_PIN_BYTES];

	if (c->config.pin && (!cert || !skt_pin_of(cert, pin) || memcmp(pin, c->pin, sizeof(pin)) != 0)) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
		return false;
	}
	if (c->config.pin && !c->config.ca) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return true;
	}
	return X509_verify_cert(store) == 1;
}

/* For the words: OpenSSL itself keeps a certificate only once it has passed. */
static void context_keep_culprit(X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	X509 *cert = X509_STORE_CTX_get_current_cert(store);

	cert = cert ? cert : X509_STORE_CTX_get0_cert(store);
	if (!ssl || !cert || SSL_get_ex_data(ssl, culprit_index))
		return;
	(void)X509_up_ref(cert);
	if (SSL_set_ex_data(ssl, culprit_index, cert) != 1)
		X509_free(cert);
}

const X509 *skt_tls_culprit(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, culprit_index);
}

/* Instead of OpenSSL's own, which it calls: a pin is proof enough where no ca= stands beside it. */
static int context_verify(X509_STORE_CTX *store, void *arg)
{
	const struct skt_tls_context *c = arg;

	if (context_passes(c, store))
		return 1;
	context_keep_culprit(store);
	return c->config.looks;
}

/* --- sessions ----------------------------------------------------------------------------------------------------------- */

static int context_new_session(SSL *ssl, SSL_SESSION *session)
{
	struct skt_tls_context *c = context_of(SSL_get_SSL_CTX(ssl));

	(void)pthread_mutex_lock(&c->lock);
	if (c->n_sessions == CONTEXT_SESSIONS) {
		SSL_SESSION_free(c->session[0]);
		memmove(c->session, c->session + 1, (size_t)--c->n_sessions * sizeof(c->session[0]));
	}
	c->session[c->n_sessions++] = session;
	(void)pthread_mutex_unlock(&c->lock);
	return 1; /* it is ours now */
}

/* A server has asked for a certificate, and there is none: kept for the words about its refusal, which in TLS 1.2 says nothing. */
static int context_asked(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
	(void)cert, (void)key;
	(void)SSL_set_ex_data(ssl, asked_index, &asked_index);
	return 0;
}

bool skt_tls_was_asked(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, asked_index) != NULL;
}

/* --- the name that a client asks for ------------------------------------------------------------------------------------ */

static int context_choose(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct context_set *set = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), set_index);

	(void)alert, (void)arg;
	for (int i = 0; name && set && i < set->n; i++)
		if (X509_check_host(SSL_CTX_get0_certificate(set->ssl[i]), name, 0, 0, NULL) == 1) {
			(void)SSL_set_SSL_CTX(ssl, set->ssl[i]);
			break;
		}
	return SSL_TLSEXT_ERR_OK;
}

/* --- making ------------------------------------------------------------------------------------------------------------- */

static void context_set_common(struct skt_tls_context *c, SSL_CTX *ssl)
{
	(void)SSL_CTX_set_ex_data(ssl, context_index, c);
	(void)SSL_CTX_set_min_proto_version(ssl, c->config.wants_13 ? TLS1_3_VERSION : TLS1_2_VERSION);
	(void)SSL_CTX_set_cipher_list(ssl, CONTEXT_CIPHERS);
	(void)SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	(void)SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* several records with one receive */
	SSL_CTX_set_read_ahead(ssl, 1);
	SSL_CTX_set_default_read_buffer_len(ssl, CONTEXT_READ_AHEAD);
	(void)SSL_CTX_set_timeout(ssl, CONTEXT_SESSION_S);
	SSL_CTX_set_cert_verify_callback(ssl, context_verify, c);
}

static void context_set_client(struct skt_tls_context *c, SSL_CTX *ssl)
{
	SSL_CTX_set_verify(
		ssl, c->config.no_verify && !c->config.pin && !c->config.looks ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	(void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ssl, context_new_session);
	SSL_CTX_set_client_cert_cb(ssl, context_asked);
	if (c->n_alpn)
		(void)SSL_CTX_set_alpn_protos(ssl, c->alpn, c->n_alpn);
}

static void context_set_server(struct skt_tls_context *c, SSL_CTX *ssl)
{
	static const unsigned char id[] = "soket";

	(void)SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	(void)SSL_CTX_set_session_id_context(ssl, id, sizeof(id) - 1);
	/* tickets only, which cost no memory here; one a connection is enough to come back with */
	(void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(ssl, 1);
	if (c->config.ca)
		SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	if (c->n_alpn)
		SSL_CTX_set_alpn_select_cb(ssl, context_choose_alpn, c);
	(void)SSL_CTX_set_tlsext_servername_callback(ssl, context_choose);
}

static int context_make_one(struct skt_tls_context *c, int i, SSL_CTX **ret, struct skt_error *err)
{
	SSL_CTX *ssl = SSL_CTX_new(c->config.is_server ? TLS_server_method() : TLS_client_method());
	int failed;

	if (!ssl)
		return skt_fail_memory(err);
	context_set_common(c, ssl);
	if (c->config.is_server)
		context_set_server(c, ssl);
	else
		context_set_client(c, ssl);
	failed = context_trust(c, ssl, err);
	if (failed == 0 && i < c->config.n_certs)
		failed = context_load(c, ssl, i, err);
	else if (failed == 0 && c->config.is_server)
		failed = context_use_self(c, ssl, err);
	if (failed < 0) {
		SSL_CTX_free(ssl);
		return failed;
	}
	*ret = ssl;
	return 0;
}

/* Tickets of one certificate's SSL_CTX must be good at another's: the name is looked at anew each time. */
static void context_share_tickets(SSL_CTX *from, SSL_CTX *to)
{
	unsigned char keys[80];

	if (SSL_CTX_get_tlsext_ticket_keys(from, keys, sizeof(keys)) == 1)
		(void)SSL_CTX_set_tlsext_ticket_keys(to, keys, sizeof(keys));
	OPENSSL_cleanse(keys, sizeof(keys));
}

static int context_make(struct skt_tls_context *c, SSL_CTX **ret, struct skt_error *err)
{
	struct context_set *set = SKT_NEW(struct context_set);
	int failed = set ? context_make_one(c, 0, &set->ssl[0], err) : skt_fail_memory(err);

	if (failed < 0) {
		skt_free(set);
		return failed;
	}
	set->n = 1;
	*ret = set->ssl[0];
	if (SSL_CTX_set_ex_data(*ret, set_index, set) != 1) {
		skt_free(set);
		failed = skt_fail_memory(err);
	}
	while (failed == 0 && set->n < c->config.n_certs) {
		failed = context_make_one(c, set->n, &set->ssl[set->n], err);
		if (failed == 0)
			context_share_tickets(*ret, set->ssl[set->n++]);
	}
	if (failed < 0)
		SSL_CTX_free(*ret);
	return failed;
}

int skt_tls_context_new(const struct skt_tls_config *config, struct skt_tls_context **ret, struct skt_error *err)
{
	struct skt_tls_context *c;
	int failed = skt_ossl_load(err);

	if (failed < 0)
		return failed;
	c = SKT_NEW(struct skt_tls_context);
	if (!c)
		return skt_fail_memory(err);
	(void)pthread_once(&context_once, context_init);
	(void)pthread_mutex_init(&c->lock, NULL);
	atomic_store(&c->refs, 1);
	c->config = *config;
	c->config.alpn = c->alpn_text = config->alpn ? skt_strdup(config->alpn) : NULL;
	failed = config->alpn && !c->alpn_text ? skt_fail_memory(err) : context_alpn(c, config->alpn, err);
	if (failed == 0 && config->pin && skt_pin_parse(config->pin, c->pin) < 0) {
		failed = skt_fail(err, SKT_E_USAGE, 0, _("pin=%.100s is not a SHA-256"), config->pin);
		skt_hint(err, "%s",
			 _("44 characters of base64 or 64 hexadecimal digits; soket explain --connect shows a server's"));
	}
	c->config.self_name = config->self_name;
	if (failed == 0)
		failed = context_make(c, &c->ssl, err);
	c->config.self_name = NULL; /* the certificate is made once */
	if (failed < 0) {
		c->ssl = NULL;
		skt_tls_context_free(c);
		return failed;
	}
	*ret = c;
	return 0;
}

int skt_tls_context_reload(struct skt_tls_context *c, struct skt_error *err)
{
	SSL_CTX *fresh = NULL, *old;
	int failed;

	c->open_key = NULL;
	failed = context_make(c, &fresh, err);
	if (failed < 0)
		return failed;
	(void)pthread_mutex_lock(&c->lock);
	old = c->ssl;
	if (!c->config.ca) /* a client that came in by the old file is looked at again */
		context_share_tickets(old, fresh);
	c->ssl = fresh;
	(void)pthread_mutex_unlock(&c->lock);
	SSL_CTX_free(old);
	return 0;
}

void skt_tls_context_ref(struct skt_tls_context *c)
{
	atomic_fetch_add(&c->refs, 1);
}

void skt_tls_context_free(struct skt_tls_context *c)
{
	if (!c || atomic_fetch_sub(&c->refs, 1) > 1)
		return;
	SSL_CTX_free(c->ssl);
	while (c->n_sessions > 0)
		SSL_SESSION_free(c->session[--c->n_sessions]);
	X509_free(c->self_cert);
	EVP_PKEY_free(c->self_key);
	(void)pthread_mutex_destroy(&c->lock);
	skt_free(c->alpn_text);
	skt_free(c);
}

/* Whom the client wants, said to the server (a name only, RFC 6066) and checked in its certificate. */
static bool context_name(SSL *ssl, const char *written)
{
	unsigned char address[16];
	char name[256];
	size_t n = strcspn(written, "%"); /* a zone is no matter of the server's */
	bool is_address;

	if (n >= sizeof(name))
		return false;
	memcpy(name, written, n);
	name[n] = '\0';
	if (n > 1 && name[n - 1] == '.') /* a name that is complete, which certificates write without (RFC 6066) */
		name[n - 1] = '\0';
	is_address = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;

	if (is_address)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

SSL *skt_tls_context_ssl(struct skt_tls_context *c)
{
	SSL *ssl;

	(void)pthread_mutex_lock(&c->lock);
	ssl = SSL_new(c->ssl);
	if (ssl && c->n_sessions > 0) {
		SSL_SESSION *newest = c->session[c->n_sessions - 1];

		(void)SSL_set_session(ssl, newest);
		if (SSL_SESSION_get_protocol_version(newest) >= TLS1_3_VERSION) {
			SSL_SESSION_free(newest); /* a ticket is for one use (RFC 8446, appendix C.4) */
			c->n_sessions--;
		}
	}
	(void)pthread_mutex_unlock(&c->lock);
	if (ssl && !c->config.is_server && c->config.name && c->config.name[0] && !context_name(ssl, c->config.name)) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

const struct skt_tls_config *skt_tls_context_config(const struct skt_tls_context *c)
{
	return &c->config;
}

const X509 *skt_tls_context_cert(const struct skt_tls_context *c)
{
	return SSL_CTX_get0_certificate(c->ssl);
}

const char *skt_tls_context_open_key(const struct skt_tls_context *c)
{
	return c->open_key;
}
