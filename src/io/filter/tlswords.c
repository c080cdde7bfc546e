/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong with TLS, in words.
 *
 * How it works: three tables, asked in turn: what the verification of a certificate said, what OpenSSL found wrong itself, and what
 * alert the peer has sent. What none of them knows is told as OpenSSL tells it. */
#include "io/filter/tlswords.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>

#include "base/alloc.h"
#include "base/message.h"
#include "io/filter/tlspin.h"
#include "sys/ossl.h"

enum { WORDS_NAMES = 8, WORDS_DAY = 86400 };

/* --- facts of certificates ---------------------------------------------------------------------------------------------- */

static void words_add_name(const GENERAL_NAME *name, struct skt_text *ret)
{
	char address[INET6_ADDRSTRLEN];
	int type, n;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);

	n = value ? ASN1_STRING_length(value) : 0;
	if (type == GEN_DNS)
		skt_text_addn(ret, (const char *)ASN1_STRING_get0_data(value), (size_t)n);
	else if (type == GEN_IPADD && (n == 4 || n == 16) &&
		 inet_ntop(n == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(value), address, sizeof(address)))
		skt_text_add(ret, address);
	else
		skt_text_add(ret, "?");
}

void skt_tls_print_names(const X509 *cert, struct skt_text *ret)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int n = names ? sk_GENERAL_NAME_num(names) : 0;

	for (int i = 0; i < n && i < WORDS_NAMES; i++) {
		skt_text_add(ret, i ? ", " : "");
		words_add_name(sk_GENERAL_NAME_value(names, i), ret);
	}
	if (n > WORDS_NAMES)
		skt_text_addf(ret, _(" and %d more"), n - WORDS_NAMES);
	if (n == 0)
		skt_text_add(ret, _("no name at all"));
	GENERAL_NAMES_free(names);
}

void skt_tls_print_name(const X509_NAME *name, struct skt_text *ret)
{
	static const int parts[] = { NID_commonName, NID_organizationName };
	bool any = false;

	for (size_t i = 0; i < SKT_LENGTH(parts); i++) {
		int at = X509_NAME_get_index_by_NID(name, parts[i], -1);
		unsigned char *text = NULL;
		int n = at < 0 ? -1 : ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));

		if (n > 0) {
			skt_text_add(ret, any ? ", " : "");
			skt_text_addn(ret, (const char *)text, (size_t)n);
			any = true;
		}
		OPENSSL_free(text);
	}
	if (!any)
		skt_text_add(ret, _("somebody without a name"));
}

char *skt_tls_print_day(const ASN1_TIME *time, char *ret)
{
	struct tm tm = { 0 };

	if (ASN1_TIME_to_tm(time, &tm) != 1 || strftime(ret, 16, "%Y-%m-%d", &tm) == 0)
		(void)snprintf(ret, 16, "?");
	return ret;
}

/* How far a time is from now, as "3 days" */
static void words_add_distance(const ASN1_TIME *time, struct skt_text *ret)
{
	int days = 0, seconds = 0;

	if (ASN1_TIME_diff(&days, &seconds, NULL, time) != 1)
		return;
	days = days < 0 ? -days : days;
	seconds = seconds < 0 ? -seconds : seconds;
	if (days)
		skt_text_addf(ret, NG_("%d day", "%d days", days), days);
	else if (seconds >= 3600)
		skt_text_addf(ret, NG_("%d hour", "%d hours", seconds / 3600), seconds / 3600);
	else
		skt_text_addf(ret, NG_("%d minute", "%d minutes", seconds / 60), seconds / 60);
}

/* --- a certificate that was not taken ----------------------------------------------------------------------------------- */

struct words_cert {
	const struct skt_tls_trouble *t;
	const X509 *cert;
	struct skt_error *err;
};

static void words_dates(const struct words_cert *w, bool is_over)
{
	const ASN1_TIME *time = is_over ? X509_get0_notAfter(w->cert) : X509_get0_notBefore(w->cert);
	struct skt_text distance = { 0 };
	char day[16];

	words_add_distance(time, &distance);
	if (is_over)
		(void)skt_fail(w->err, SKT_E_DENIED, 0, _("the certificate expired on %s, %s ago"),
			       skt_tls_print_day(time, day), skt_text_get(&distance));
	else
		(void)skt_fail(w->err, SKT_E_DENIED, 0, _("the certificate is not valid before %s, in %s"),
			       skt_tls_print_day(time, day), skt_text_get(&distance));
	skt_hint(w->err, "%s",
		 is_over ? _("it must be renewed at the server; verify=no goes on all the same")
			 : _("check the clock of this machine; verify=no goes on all the same"));
	skt_text_release(&distance);
}

static void words_expired(const struct words_cert *w)
{
	words_dates(w, true);
}

static void words_not_yet(const struct words_cert *w)
{
	words_dates(w, false);
}

static void words_other_name(const struct words_cert *w)
{
	struct skt_text names = { 0 };

	skt_tls_print_names(w->cert, &names);
	(void)skt_fail(w->err, SKT_E_DENIED, 0, _("the certificate is not for %.60s, but for %.150s"),
		       w->t->config->name, skt_text_get(&names));
	skt_hint(w->err, "%s", _("is it the right server? sni=NAME asks for, and expects, one of those names"));
	skt_text_release(&names);
}

static void words_hint_pin(const struct words_cert *w)
{
	unsigned char pin[SKT_PIN_BYTES];
	char text[SKT_PIN_LENGTH];

	if (skt_pin_of(w->cert, pin))
		skt_hint(w->err, _("if that is the server you mean: pin=%s, or ca=FILE"), skt_pin_print(pin, text));
}

static void words_self_signed(const struct words_cert *w)
{
	(void)skt_fail(w->err, SKT_E_DENIED, 0, "%s", _("the certificate is self-signed: nobody vouches for it"));
	words_hint_pin(w);
}

static void words_unknown_issuer(const struct words_cert *w)
{
	struct skt_text issuer = { 0 };

	skt_tls_print_name(X509_get_issuer_name(w->cert), &issuer);
	(void)skt_fail(w->err, SKT_E_DENIED, 0, _("the certificate's issuer is not known here: %.150s"),
		       skt_text_get(&issuer));
	skt_hint(w->err, "%s", _("ca=FILE trusts an issuer; or the server does not send the certificates in between"));
	skt_text_release(&issuer);
}

static void words_other_key(const struct words_cert *w)
{
	unsigned char pin[SKT_PIN_BYTES];
	char text[SKT_PIN_LENGTH] = "?";

	if (skt_pin_of(w->cert, pin))
		(void)skt_pin_print(pin, text);
	(void)skt_fail(w->err, SKT_E_DENIED, 0, _("the server's key is not the one of pin=, but %s"), text);
	skt_hint(w->err, "%s", _("the server has a new key, or somebody stands in between: ask its owner"));
}

static const struct words_verdict {
	long code;
	void (*say)(const struct words_cert *w);
} words_verdicts[] = {
	{ X509_V_ERR_CERT_HAS_EXPIRED, words_expired },
	{ X509_V_ERR_CERT_NOT_YET_VALID, words_not_yet },
	{ X509_V_ERR_HOSTNAME_MISMATCH, words_other_name },
	{ X509_V_ERR_IP_ADDRESS_MISMATCH, words_other_name },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, words_self_signed },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, words_unknown_issuer },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, words_unknown_issuer },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, words_unknown_issuer },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, words_unknown_issuer },
	{ X509_V_ERR_APPLICATION_VERIFICATION, words_other_key },
};

static const X509 *words_subject(const SSL *ssl)
{
	const X509 *culprit = skt_tls_culprit(ssl);

	return culprit ? culprit : SSL_get0_peer_certificate(ssl);
}

/* The same, seen from the other side. */
static void words_of_client(struct skt_error *err)
{
	struct skt_error inner = *err;

	(void)skt_fail(err, inner.kind, 0, _("the client was not let in: %.200s"), inner.text);
	skt_hint(err, "%s",
		 _("client-ca= names those who may sign for clients: it needs another certificate, or they another list"));
}

static void words_verdict(const struct skt_tls_trouble *t, struct skt_error *err)
{
	long verdict = SSL_get_verify_result(t->ssl);
	struct words_cert w = { .t = t, .cert = words_subject(t->ssl), .err = err };

	for (size_t i = 0; w.cert && i < SKT_LENGTH(words_verdicts); i++)
		if (words_verdicts[i].code == verdict) {
			words_verdicts[i].say(&w);
			return;
		}
	(void)skt_fail(err, SKT_E_DENIED, 0, _("the certificate is not good: %s"),
		       X509_verify_cert_error_string(verdict));
	skt_hint(err, "%s", _("soket explain --connect shows the certificates; verify=no goes on all the same"));
}

static void words_verification(const struct skt_tls_trouble *t, struct skt_error *err)
{
	words_verdict(t, err);
	if (t->config->is_server)
		words_of_client(err);
}

/* --- the rest ----------------------------------------------------------------------------------------------------------- */

static void words_said(const struct skt_tls_trouble *t, char *ret, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_first && n + 2 < room && n < 40; i++) {
		unsigned char c = (unsigned char)t->first[i];

		if (c == '\r' || c == '\n')
			break;
		ret[n++] = (char)(c >= ' ' && c < 127 ? c : '.');
	}
	ret[n] = '\0';
}

static void words_no_tls(const struct skt_tls_trouble *t, struct skt_error *err)
{
	char said[64];

	words_said(t, said, sizeof(said));
	if (t->config->is_server) {
		(void)skt_fail(err, SKT_E_PEER, 0, _("the client does not speak TLS: it said \"%s\""), said);
		skt_hint(err, "%s", _("it must be told that this port is encrypted: https:// in a browser"));
	} else {
		(void)skt_fail(err, SKT_E_PEER, 0, _("that is no TLS server: it said \"%s\""), said);
		skt_hint(err, "%s", _("is it the right port? without encryption: tcp:// instead of tls://"));
	}
}

static void words_no_version(const struct skt_tls_trouble *t, struct skt_error *err)
{
	(void)skt_fail(err, SKT_E_PEER, 0, "%s",
		       t->config->wants_13 ? _("no common version: the peer has no TLS 1.3")
					   : _("no common version: the peer has neither TLS 1.2 nor 1.3"));
	skt_hint(err, "%s", _("older versions are broken and not spoken here: the peer needs an update"));
}

static void words_no_alpn(const struct skt_tls_trouble *t, struct skt_error *err)
{
	(void)skt_fail(err, SKT_E_PEER, 0, _("no common protocol inside TLS: alpn=%.100s is not what the peer speaks"),
		       t->config->alpn ? t->config->alpn : "");
	skt_hint(err, "%s", _("leave alpn= out, or name what the peer speaks"));
}

static void words_wants_cert(const struct skt_tls_trouble *t, struct skt_error *err)
{
	if (t->config->is_server) {
		(void)skt_fail(err, SKT_E_DENIED, 0, "%s", _("the client showed no certificate"));
		skt_hint(err, "%s", _("client-ca= asks for one: the client needs one that is signed by it"));
	} else {
		(void)skt_fail(err, SKT_E_DENIED, 0, "%s", _("the server wants a certificate of the client"));
		skt_hint(err, "%s", _("show it one: cert=FILE key=FILE"));
	}
}

static void words_no_cipher(const struct skt_tls_trouble *t, struct skt_error *err)
{
	if (!t->config->is_server && skt_tls_was_asked(t->ssl)) { /* TLS 1.2 does not tell the two apart */
		words_wants_cert(t, err);
		return;
	}
	(void)skt_fail(err, SKT_E_PEER, 0, "%s", _("no common cipher: the peer takes none that is spoken here"));
	skt_hint(err, "%s", _("of TLS 1.2 those with ECDHE and AES-GCM or ChaCha20 are spoken"));
}

static void words_refused_cert(const struct skt_tls_trouble *t, struct skt_error *err)
{
	const char *why = t->code ? ERR_reason_error_string(t->code) : NULL;

	(void)skt_fail(err, SKT_E_DENIED, 0, _("the peer does not take our certificate: %s"), why ? why : "");
	skt_hint(err, "%s",
		 t->config->is_server ? _("the client must trust it: give it the issuer, or the pin")
				      : _("it must be signed by whom the server trusts, and be valid"));
}

static void words_no_name(const struct skt_tls_trouble *t, struct skt_error *err)
{
	(void)skt_fail(err, SKT_E_DENIED, 0, _("the server has nothing for the name %.100s"),
		       t->config->name ? t->config->name : "");
	skt_hint(err, "%s", _("sni=NAME asks for another"));
}

static void words_truncated(const struct skt_tls_trouble *t, struct skt_error *err)
{
	if (t->is_open) {
		(void)skt_fail(err, SKT_E_PEER, 0, "%s",
			       _("the connection ended without TLS's close: what came may be cut short"));
		skt_hint(err, "%s",
			 _("the peer dropped it, or somebody in between did; some servers always end like that"));
	} else {
		(void)skt_fail(err, SKT_E_PEER, 0, "%s", _("the peer closed the connection during the TLS handshake"));
		skt_hint(err, "%s",
			 t->config->is_server
				 ? _("perhaps it does not trust the certificate, or only looked whether the port is open")
				 : _("is it a TLS server? its log may say why"));
	}
}

static const struct words_reason {
	int reason;
	void (*say)(const struct skt_tls_trouble *t, struct skt_error *err);
} words_reasons[] = {
	{ SSL_R_CERTIFICATE_VERIFY_FAILED, words_verification },
	{ SSL_R_WRONG_VERSION_NUMBER, words_no_tls },
	{ SSL_R_HTTP_REQUEST, words_no_tls },
	{ SSL_R_HTTPS_PROXY_REQUEST, words_no_tls },
	{ SSL_R_PACKET_LENGTH_TOO_LONG, words_no_tls },
	{ SSL_R_RECORD_LENGTH_MISMATCH, words_no_tls },
	{ SSL_R_BAD_RECORD_TYPE, words_no_tls },
	{ SSL_R_UNEXPECTED_EOF_WHILE_READING, words_truncated },
	{ SSL_R_UNSUPPORTED_PROTOCOL, words_no_version },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, words_no_version },
	{ SSL_R_NO_PROTOCOLS_AVAILABLE, words_no_version },
	{ SSL_R_VERSION_TOO_LOW, words_no_version },
	{ SSL_R_NO_SHARED_CIPHER, words_no_cipher },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, words_no_cipher },
	{ SSL_R_NO_APPLICATION_PROTOCOL, words_no_alpn },
	{ SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL, words_no_alpn },
	{ SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, words_wants_cert },
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, words_wants_cert },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, words_refused_cert },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, words_refused_cert },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, words_refused_cert },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, words_refused_cert },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, words_refused_cert },
	{ SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, words_refused_cert },
	{ SSL_R_TLSV1_ALERT_DECRYPT_ERROR, words_refused_cert },
	{ SSL_R_TLSV1_UNRECOGNIZED_NAME, words_no_name },
};

/* A server of TLS begins with a handshake record, or with an alert. */
static bool words_speaks_tls(const struct skt_tls_trouble *t)
{
	return t->n_first == 0 || ((unsigned char)t->first[0] >= 20 && (unsigned char)t->first[0] <= 23);
}

int skt_tls_explain(const struct skt_tls_trouble *t, struct skt_error *err)
{
	int reason = ERR_GET_REASON(t->code);
	const char *text = t->code ? ERR_reason_error_string(t->code) : NULL;

	if (!t->is_open && !words_speaks_tls(t)) {
		words_no_tls(t, err);
		return -(int)err->kind;
	}
	for (size_t i = 0; t->code && ERR_GET_LIB(t->code) == ERR_LIB_SSL && i < SKT_LENGTH(words_reasons); i++)
		if (words_reasons[i].reason == reason) {
			words_reasons[i].say(t, err);
			return -(int)err->kind;
		}
	if (t->saw_end) {
		words_truncated(t, err);
		return -(int)err->kind;
	}
	(void)skt_fail(err, SKT_E_PEER, 0, _("TLS failed: %s"), text ? text : _("the peer broke the protocol"));
	skt_hint(err, "%s", _("the log of the peer may say more"));
	return -(int)err->kind;
}

int skt_tls_explain_verification(const SSL *ssl, const struct skt_tls_config *config, struct skt_error *err)
{
	const struct skt_tls_trouble t = { .ssl = ssl, .config = config };

	words_verification(&t, err);
	return -(int)err->kind;
}
