/* SPDX-License-Identifier: Apache-2.0 */
/* `soket explain --connect`: what is found where an endpoint leads.
 *
 * How it works: the endpoint is dialled as connect would, but a certificate that connect would refuse is let through, and kept with what
 * was wrong with it: somebody who asks why wants to see it. Nothing is sent but the handshakes. */
#include "cli/explain_connect.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/message.h"
#include "cli/explain_page.h"
#include "cli/say.h"
#include "inspect/holder.h"
#include "io/fd.h"
#include "io/filter/tls.h"
#include "io/filter/tlspin.h"
#include "io/filter/tlswords.h"
#include "sys/addr.h"
#include "sys/clock.h"
#include "sys/ossl.h"
#include "transport/chain.h"
#include "transport/open.h"

/* What was found. */
struct connected {
	const struct skt_endpoint *e;
	struct skt_stream *stream;
	struct skt_error err; /* of dialling, or why it would not be taken */
	bool is_done;
	skt_time took;
	const SSL *ssl; /* or NULL */
	char peer[SKT_ADDR_LENGTH];
};

/* A certificate, as both forms of the output show it. */
struct certfacts {
	struct skt_text names, subject, issuer;
	char from[16], until[16], pin[SKT_PIN_LENGTH], fingerprint[SKT_FINGERPRINT_LENGTH];
	int days; /* left; below 0: since when it is over */
};

static void certfacts_of(const X509 *cert, struct certfacts *ret)
{
	unsigned char pin[SKT_PIN_BYTES];
	int seconds;

	*ret = (struct certfacts){ .days = 0 };
	skt_tls_print_names(cert, &ret->names);
	skt_tls_print_name(X509_get_subject_name(cert), &ret->subject);
	skt_tls_print_name(X509_get_issuer_name(cert), &ret->issuer);
	(void)skt_tls_print_day(X509_get0_notBefore(cert), ret->from);
	(void)skt_tls_print_day(X509_get0_notAfter(cert), ret->until);
	(void)ASN1_TIME_diff(&ret->days, &seconds, NULL, X509_get0_notAfter(cert));
	if (skt_pin_of(cert, pin))
		(void)skt_pin_print(pin, ret->pin);
	(void)skt_fingerprint_print(cert, ret->fingerprint);
}

static void certfacts_release(struct certfacts *f)
{
	skt_text_release(&f->names);
	skt_text_release(&f->subject);
	skt_text_release(&f->issuer);
}

/* The certificates that the peer has sent, its own first. */
static const X509 *connected_cert(const struct connected *c, int i)
{
	STACK_OF(X509) *chain = c->ssl ? SSL_get_peer_cert_chain(c->ssl) : NULL;

	return chain && i < sk_X509_num(chain) ? sk_X509_value(chain, i) : NULL;
}

static void connected_alpn(const struct connected *c, char *ret, size_t room)
{
	const unsigned char *name = NULL;
	unsigned n = 0;

	SSL_get0_alpn_selected(c->ssl, &name, &n);
	(void)snprintf(ret, room, "%.*s", (int)n, name ? (const char *)name : "");
}

static const char *connected_group(const struct connected *c)
{
	SSL *ssl = (SSL *)(uintptr_t)c->ssl; /* it only looks */
	long group = SSL_get_negotiated_group(ssl);

	return group > 0 ? SSL_group_to_name(ssl, (int)group) : NULL;
}

/* --- for people --------------------------------------------------------------------------------------------------------- */

static void page_cert(struct skt_page *p, const X509 *cert, int i)
{
	struct certfacts f;
	char number[32];

	certfacts_of(cert, &f);
	(void)snprintf(number, sizeof(number), _("certificate %d"), i + 1);
	skt_page_title(p, number);
	skt_page_row(p, _("of"), skt_text_get(&f.subject), NULL);
	if (i == 0)
		skt_page_row(p, _("names"), skt_text_get(&f.names), NULL);
	skt_page_row(p, _("issued by"), skt_text_get(&f.issuer), NULL);
	skt_page_row(p, _("from"), f.from, NULL);
	if (f.days < 0)
		skt_page_rowf(p, _("until"), f.until, NG_("expired %d day ago", "expired %d days ago", -f.days), -f.days);
	else
		skt_page_rowf(p, _("until"), f.until, NG_("%d day left", "%d days left", f.days), f.days);
	if (i == 0) {
		skt_page_row(p, _("key"), f.pin, NULL);
		skt_page_row(p, _("fingerprint"), f.fingerprint, NULL);
	}
	certfacts_release(&f);
}

static void page_tls(struct skt_page *p, const struct connected *c)
{
	const char *group = connected_group(c);
	char alpn[256];

	connected_alpn(c, alpn, sizeof(alpn));
	skt_page_row(p, _("version"), SSL_get_version(c->ssl), NULL);
	skt_page_row(p, _("cipher"), SSL_get_cipher_name(c->ssl), NULL);
	if (group)
		skt_page_row(p, _("key exchange"), group, NULL);
	skt_page_row(p, _("ALPN"), alpn[0] ? alpn : _("none"), _("what is spoken inside"));
	for (int i = 0; connected_cert(c, i); i++)
		page_cert(p, connected_cert(c, i), i);
}

static int connected_say(const struct connected *c)
{
	struct skt_page p = { 0 };
	struct skt_text text = { 0 }, name = { 0 };
	char took[SKT_UNIT_LENGTH];
	int ret;

	skt_endpoint_print_address(c->e, &name);
	skt_page_title(&p, skt_text_get(&name));
	skt_page_rowf(&p, _("connected"), c->peer[0] ? c->peer : _("yes"), _("in %s, all steps together"),
		      skt_duration_print(c->took, took));
	if (c->ssl)
		page_tls(&p, c);
	skt_page_title(&p, _("verdict"));
	if (c->err.kind == SKT_OK)
		skt_page_row(&p, _("good"), c->ssl ? _("soket connect would take it") : _("somebody answers there"),
			     NULL);
	else
		skt_page_row(&p, _("not good"), c->err.text, NULL);
	if (c->err.kind != SKT_OK)
		skt_page_row(&p, "", c->err.hint, NULL);
	skt_page_print(&p, &text);
	ret = skt_say_text(&text);
	skt_text_release(&text);
	skt_text_release(&name);
	skt_page_release(&p);
	return ret;
}

/* --- for programs ------------------------------------------------------------------------------------------------------- */

static void json_cert(struct skt_json *j, const X509 *cert)
{
	struct certfacts f;

	certfacts_of(cert, &f);
	skt_json_object(j, NULL);
	skt_json_string(j, "subject", skt_text_get(&f.subject));
	skt_json_string(j, "names", skt_text_get(&f.names));
	skt_json_string(j, "issuer", skt_text_get(&f.issuer));
	skt_json_string(j, "from", f.from);
	skt_json_string(j, "until", f.until);
	skt_json_int(j, "days_left", f.days);
	skt_json_string(j, "pin", f.pin);
	skt_json_string(j, "fingerprint", f.fingerprint);
	skt_json_end_object(j);
	certfacts_release(&f);
}

static void json_tls(struct skt_json *j, const struct connected *c)
{
	char alpn[256];

	connected_alpn(c, alpn, sizeof(alpn));
	skt_json_object(j, "tls");
	skt_json_string(j, "version", SSL_get_version(c->ssl));
	skt_json_string(j, "cipher", SSL_get_cipher_name(c->ssl));
	skt_json_string(j, "group", connected_group(c));
	skt_json_string(j, "alpn", alpn[0] ? alpn : NULL);
	skt_json_array(j, "certificates");
	for (int i = 0; connected_cert(c, i); i++)
		json_cert(j, connected_cert(c, i));
	skt_json_end_array(j);
	skt_json_end_object(j);
}

static int connected_say_json(const struct connected *c)
{
	struct skt_json j = { 0 };
	struct skt_text name = { 0 };
	int ret;

	skt_endpoint_print_address(c->e, &name);
	skt_json_object(&j, NULL);
	skt_json_string(&j, "endpoint", skt_text_get(&name));
	skt_json_string(&j, "peer", c->peer[0] ? c->peer : NULL);
	skt_json_int(&j, "took_ns", c->took);
	if (c->ssl)
		json_tls(&j, c);
	skt_json_bool(&j, "good", c->err.kind == SKT_OK);
	skt_json_string(&j, "why", c->err.kind == SKT_OK ? NULL : c->err.text);
	skt_json_end_object(&j);
	ret = skt_say_json(&j);
	skt_json_release(&j);
	skt_text_release(&name);
	return ret;
}

/* --- looking ------------------------------------------------------------------------------------------------------------ */

static void connected_dialled(void *user, struct skt_stream *stream, const struct skt_error *err)
{
	struct connected *c = user;

	c->is_done = true;
	c->stream = stream;
	if (!stream)
		c->err = *err;
}

static int connected_dial(struct connected *c, struct skt_loop *loop)
{
	const struct skt_origin nobody = { .is_source = false };
	struct skt_dialer *dialer;
	skt_time began = skt_now();
	int ret = skt_dialer_new(loop, c->e, &nobody, connected_dialled, c, &dialer, &c->err);

	while (ret == 0 && !c->is_done)
		ret = skt_loop_round(loop, SKT_FOREVER, &c->err);
	c->took = skt_now() - began;
	return ret < 0 ? ret : c->stream ? 0 : -(int)c->err.kind;
}

static void connected_look(struct connected *c)
{
	const struct skt_fd *bottom = skt_stream_bottom(c->stream);
	struct skt_addr addr;

	if (bottom && skt_addr_of_peer(bottom->in.fd, &addr) == 0 && addr.sa.sa_family != AF_UNIX)
		(void)skt_addr_print(&addr, c->peer);
	c->ssl = skt_tls_of(c->stream);
	if (c->ssl && SSL_get_verify_result(c->ssl) != X509_V_OK) {
		(void)skt_chain_explain_verification(c->e, c->ssl, &c->err);
	} else if (c->ssl && skt_tls_was_asked(c->ssl)) {
		(void)skt_fail(&c->err, SKT_E_DENIED, 0, "%s", _("the server asks for a certificate of the client"));
		skt_hint(&c->err, "%s", _("show it one: cert=FILE key=FILE"));
	}
}

/* In order, so that the other end does not see a reset: what it has sent already is taken. */
static void connected_hang_up(struct connected *c)
{
	char rest[4096];

	for (int i = 0; i < 64 && skt_stream_read(c->stream, rest, sizeof(rest)) > 0; i++)
		;
	(void)skt_stream_shut(c->stream);
	skt_stream_free(c->stream);
}

int skt_explain_connect(struct skt_endpoint *e, bool json)
{
	struct connected c = { .e = e };
	struct skt_loop *loop = NULL;
	int ret = skt_endpoint_settle(e, SKT_ROLE_DIAL, &c.err);

	skt_chain_looks(e);
	if (ret == 0)
		ret = skt_loop_new(&loop, &c.err);
	if (ret == 0)
		ret = connected_dial(&c, loop);
	if (ret < 0) {
		skt_loop_free(loop);
		skt_holder_explain_dial(e, NULL, &c.err);
		return skt_say_error(&c.err, NULL, json);
	}
	connected_look(&c);
	ret = json ? connected_say_json(&c) : connected_say(&c);
	connected_hang_up(&c);
	skt_loop_free(loop);
	return ret < 0 ? -ret : (int)c.err.kind;
}
