/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL, loaded when it is first needed: most commands never do, and would pay 2 ms and 1.7 MiB for it.
 *
 * How it works: the functions that are used here are listed once; each name then stands for a pointer, which skt_ossl_load() fills. A
 * function that is not listed does not link. This header takes the place of OpenSSL's own. */
#ifndef SKT_SYS_OSSL_H
#define SKT_SYS_OSSL_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/error.h"

/* Returns 0, or -SKT_E_LIMIT where this machine has no OpenSSL 3. Any thread; nothing of OpenSSL may be called before. */
int skt_ossl_load(struct skt_error *err);

/* clang-format off */
#define SKT_OSSL_SSL(X) \
	X(SSL_CIPHER_get_name) \
	X(SSL_CTX_callback_ctrl) \
	X(SSL_CTX_check_private_key) \
	X(SSL_CTX_ctrl) \
	X(SSL_CTX_free) \
	X(SSL_CTX_get0_certificate) \
	X(SSL_CTX_get_ex_data) \
	X(SSL_CTX_load_verify_file) \
	X(SSL_CTX_new) \
	X(SSL_CTX_sess_set_new_cb) \
	X(SSL_CTX_set_alpn_protos) \
	X(SSL_CTX_set_alpn_select_cb) \
	X(SSL_CTX_set_cert_store) \
	X(SSL_CTX_set_cert_verify_callback) \
	X(SSL_CTX_set_cipher_list) \
	X(SSL_CTX_set_client_CA_list) \
	X(SSL_CTX_set_client_cert_cb) \
	X(SSL_CTX_set_default_passwd_cb) \
	X(SSL_CTX_set_default_passwd_cb_userdata) \
	X(SSL_CTX_set_default_read_buffer_len) \
	X(SSL_CTX_set_ex_data) \
	X(SSL_CTX_set_num_tickets) \
	X(SSL_CTX_set_options) \
	X(SSL_CTX_set_session_id_context) \
	X(SSL_CTX_set_timeout) \
	X(SSL_CTX_set_verify) \
	X(SSL_CTX_use_PrivateKey) \
	X(SSL_CTX_use_PrivateKey_file) \
	X(SSL_CTX_use_certificate) \
	X(SSL_CTX_use_certificate_chain_file) \
	X(SSL_SESSION_free) \
	X(SSL_SESSION_get_protocol_version) \
	X(SSL_ctrl) \
	X(SSL_do_handshake) \
	X(SSL_free) \
	X(SSL_get0_alpn_selected) \
	X(SSL_get0_param) \
	X(SSL_get0_peer_certificate) \
	X(SSL_get_SSL_CTX) \
	X(SSL_get_current_cipher) \
	X(SSL_get_error) \
	X(SSL_get_ex_data) \
	X(SSL_get_ex_data_X509_STORE_CTX_idx) \
	X(SSL_get_peer_cert_chain) \
	X(SSL_get_servername) \
	X(SSL_get_verify_result) \
	X(SSL_get_version) \
	X(SSL_group_to_name) \
	X(SSL_load_client_CA_file) \
	X(SSL_new) \
	X(SSL_read_ex) \
	X(SSL_select_next_proto) \
	X(SSL_set1_host) \
	X(SSL_set_SSL_CTX) \
	X(SSL_set_accept_state) \
	X(SSL_set_bio) \
	X(SSL_set_connect_state) \
	X(SSL_set_ex_data) \
	X(SSL_set_hostflags) \
	X(SSL_set_session) \
	X(SSL_shutdown) \
	X(SSL_write_ex) \
	X(TLS_client_method) \
	X(TLS_server_method)

#define SKT_OSSL_CRYPTO(X) \
	X(ASN1_IA5STRING_new) \
	X(ASN1_OCTET_STRING_new) \
	X(ASN1_STRING_free) \
	X(ASN1_STRING_get0_data) \
	X(ASN1_STRING_length) \
	X(ASN1_STRING_set) \
	X(ASN1_STRING_to_UTF8) \
	X(ASN1_TIME_diff) \
	X(ASN1_TIME_to_tm) \
	X(BIO_clear_flags) \
	X(BIO_free) \
	X(BIO_get_data) \
	X(BIO_get_new_index) \
	X(BIO_meth_new) \
	X(BIO_meth_set_ctrl) \
	X(BIO_meth_set_read_ex) \
	X(BIO_meth_set_write_ex) \
	X(BIO_new) \
	X(BIO_set_data) \
	X(BIO_set_flags) \
	X(BIO_set_init) \
	X(BN_bin2bn) \
	X(BN_free) \
	X(BN_to_ASN1_INTEGER) \
	X(CRYPTO_free) \
	X(CRYPTO_get_ex_new_index) \
	X(ERR_clear_error) \
	X(ERR_peek_error) \
	X(ERR_peek_last_error) \
	X(ERR_reason_error_string) \
	X(EVP_DecodeBlock) \
	X(EVP_Digest) \
	X(EVP_EncodeBlock) \
	X(EVP_PKEY_Q_keygen) \
	X(EVP_PKEY_free) \
	X(EVP_sha1) \
	X(EVP_sha256) \
	X(GENERAL_NAMES_free) \
	X(GENERAL_NAMES_new) \
	X(GENERAL_NAME_free) \
	X(GENERAL_NAME_get0_value) \
	X(GENERAL_NAME_new) \
	X(GENERAL_NAME_set0_value) \
	X(OPENSSL_cleanse) \
	X(OPENSSL_sk_num) \
	X(OPENSSL_sk_push) \
	X(OPENSSL_sk_value) \
	X(RAND_bytes) \
	X(X509V3_EXT_conf_nid) \
	X(X509V3_set_ctx) \
	X(X509_EXTENSION_free) \
	X(X509_NAME_ENTRY_get_data) \
	X(X509_NAME_add_entry_by_txt) \
	X(X509_NAME_get_entry) \
	X(X509_NAME_get_index_by_NID) \
	X(X509_STORE_CTX_get0_cert) \
	X(X509_STORE_CTX_get_current_cert) \
	X(X509_STORE_CTX_get_ex_data) \
	X(X509_STORE_CTX_set_error) \
	X(X509_STORE_new) \
	X(X509_STORE_set_default_paths) \
	X(X509_STORE_up_ref) \
	X(X509_VERIFY_PARAM_set1_ip_asc) \
	X(X509_add1_ext_i2d) \
	X(X509_add_ext) \
	X(X509_check_host) \
	X(X509_digest) \
	X(X509_free) \
	X(X509_get0_notAfter) \
	X(X509_get0_notBefore) \
	X(X509_get_X509_PUBKEY) \
	X(X509_get_ext_d2i) \
	X(X509_get_issuer_name) \
	X(X509_get_serialNumber) \
	X(X509_get_subject_name) \
	X(X509_getm_notAfter) \
	X(X509_getm_notBefore) \
	X(X509_gmtime_adj) \
	X(X509_new) \
	X(X509_set_issuer_name) \
	X(X509_set_pubkey) \
	X(X509_set_version) \
	X(X509_sign) \
	X(X509_up_ref) \
	X(X509_verify_cert) \
	X(X509_verify_cert_error_string) \
	X(i2d_X509_PUBKEY)

struct skt_ossl {
#define SKT_OSSL_MEMBER(name) __typeof__(name) *name;
	SKT_OSSL_SSL(SKT_OSSL_MEMBER)
	SKT_OSSL_CRYPTO(SKT_OSSL_MEMBER)
#undef SKT_OSSL_MEMBER
};

extern struct skt_ossl skt_ossl;

#ifndef SKT_OSSL_NAMES_ONLY
#define SSL_CIPHER_get_name (skt_ossl.SSL_CIPHER_get_name)
#define SSL_CTX_callback_ctrl (skt_ossl.SSL_CTX_callback_ctrl)
#define SSL_CTX_check_private_key (skt_ossl.SSL_CTX_check_private_key)
#define SSL_CTX_ctrl (skt_ossl.SSL_CTX_ctrl)
#define SSL_CTX_free (skt_ossl.SSL_CTX_free)
#define SSL_CTX_get0_certificate (skt_ossl.SSL_CTX_get0_certificate)
#define SSL_CTX_get_ex_data (skt_ossl.SSL_CTX_get_ex_data)
#define SSL_CTX_load_verify_file (skt_ossl.SSL_CTX_load_verify_file)
#define SSL_CTX_new (skt_ossl.SSL_CTX_new)
#define SSL_CTX_sess_set_new_cb (skt_ossl.SSL_CTX_sess_set_new_cb)
#define SSL_CTX_set_alpn_protos (skt_ossl.SSL_CTX_set_alpn_protos)
#define SSL_CTX_set_alpn_select_cb (skt_ossl.SSL_CTX_set_alpn_select_cb)
#define SSL_CTX_set_cert_store (skt_ossl.SSL_CTX_set_cert_store)
#define SSL_CTX_set_cert_verify_callback (skt_ossl.SSL_CTX_set_cert_verify_callback)
#define SSL_CTX_set_cipher_list (skt_ossl.SSL_CTX_set_cipher_list)
#define SSL_CTX_set_client_CA_list (skt_ossl.SSL_CTX_set_client_CA_list)
#define SSL_CTX_set_client_cert_cb (skt_ossl.SSL_CTX_set_client_cert_cb)
#define SSL_CTX_set_default_passwd_cb (skt_ossl.SSL_CTX_set_default_passwd_cb)
#define SSL_CTX_set_default_passwd_cb_userdata (skt_ossl.SSL_CTX_set_default_passwd_cb_userdata)
#define SSL_CTX_set_default_read_buffer_len (skt_ossl.SSL_CTX_set_default_read_buffer_len)
#define SSL_CTX_set_ex_data (skt_ossl.SSL_CTX_set_ex_data)
#define SSL_CTX_set_num_tickets (skt_ossl.SSL_CTX_set_num_tickets)
#define SSL_CTX_set_options (skt_ossl.SSL_CTX_set_options)
#define SSL_CTX_set_session_id_context (skt_ossl.SSL_CTX_set_session_id_context)
#define SSL_CTX_set_timeout (skt_ossl.SSL_CTX_set_timeout)
#define SSL_CTX_set_verify (skt_ossl.SSL_CTX_set_verify)
#define SSL_CTX_use_PrivateKey (skt_ossl.SSL_CTX_use_PrivateKey)
#define SSL_CTX_use_PrivateKey_file (skt_ossl.SSL_CTX_use_PrivateKey_file)
#define SSL_CTX_use_certificate (skt_ossl.SSL_CTX_use_certificate)
#define SSL_CTX_use_certificate_chain_file (skt_ossl.SSL_CTX_use_certificate_chain_file)
#define SSL_SESSION_free (skt_ossl.SSL_SESSION_free)
#define SSL_SESSION_get_protocol_version (skt_ossl.SSL_SESSION_get_protocol_version)
#define SSL_ctrl (skt_ossl.SSL_ctrl)
#define SSL_do_handshake (skt_ossl.SSL_do_handshake)
#define SSL_free (skt_ossl.SSL_free)
#define SSL_get0_alpn_selected (skt_ossl.SSL_get0_alpn_selected)
#define SSL_get0_param (skt_ossl.SSL_get0_param)
#define SSL_get0_peer_certificate (skt_ossl.SSL_get0_peer_certificate)
#define SSL_get_SSL_CTX (skt_ossl.SSL_get_SSL_CTX)
#define SSL_get_current_cipher (skt_ossl.SSL_get_current_cipher)
#define SSL_get_error (skt_ossl.SSL_get_error)
#define SSL_get_ex_data (skt_ossl.SSL_get_ex_data)
#define SSL_get_ex_data_X509_STORE_CTX_idx (skt_ossl.SSL_get_ex_data_X509_STORE_CTX_idx)
#define SSL_get_peer_cert_chain (skt_ossl.SSL_get_peer_cert_chain)
#define SSL_get_servername (skt_ossl.SSL_get_servername)
#define SSL_get_verify_result (skt_ossl.SSL_get_verify_result)
#define SSL_get_version (skt_ossl.SSL_get_version)
#define SSL_group_to_name (skt_ossl.SSL_group_to_name)
#define SSL_load_client_CA_file (skt_ossl.SSL_load_client_CA_file)
#define SSL_new (skt_ossl.SSL_new)
#define SSL_read_ex (skt_ossl.SSL_read_ex)
#define SSL_select_next_proto (skt_ossl.SSL_select_next_proto)
#define SSL_set1_host (skt_ossl.SSL_set1_host)
#define SSL_set_SSL_CTX (skt_ossl.SSL_set_SSL_CTX)
#define SSL_set_accept_state (skt_ossl.SSL_set_accept_state)
#define SSL_set_bio (skt_ossl.SSL_set_bio)
#define SSL_set_connect_state (skt_ossl.SSL_set_connect_state)
#define SSL_set_ex_data (skt_ossl.SSL_set_ex_data)
#define SSL_set_hostflags (skt_ossl.SSL_set_hostflags)
#define SSL_set_session (skt_ossl.SSL_set_session)
#define SSL_shutdown (skt_ossl.SSL_shutdown)
#define SSL_write_ex (skt_ossl.SSL_write_ex)
#define TLS_client_method (skt_ossl.TLS_client_method)
#define TLS_server_method (skt_ossl.TLS_server_method)
#define ASN1_IA5STRING_new (skt_ossl.ASN1_IA5STRING_new)
#define ASN1_OCTET_STRING_new (skt_ossl.ASN1_OCTET_STRING_new)
#define ASN1_STRING_free (skt_ossl.ASN1_STRING_free)
#define ASN1_STRING_get0_data (skt_ossl.ASN1_STRING_get0_data)
#define ASN1_STRING_length (skt_ossl.ASN1_STRING_length)
#define ASN1_STRING_set (skt_ossl.ASN1_STRING_set)
#define ASN1_STRING_to_UTF8 (skt_ossl.ASN1_STRING_to_UTF8)
#define ASN1_TIME_diff (skt_ossl.ASN1_TIME_diff)
#define ASN1_TIME_to_tm (skt_ossl.ASN1_TIME_to_tm)
#define BIO_clear_flags (skt_ossl.BIO_clear_flags)
#define BIO_free (skt_ossl.BIO_free)
#define BIO_get_data (skt_ossl.BIO_get_data)
#define BIO_get_new_index (skt_ossl.BIO_get_new_index)
#define BIO_meth_new (skt_ossl.BIO_meth_new)
#define BIO_meth_set_ctrl (skt_ossl.BIO_meth_set_ctrl)
#define BIO_meth_set_read_ex (skt_ossl.BIO_meth_set_read_ex)
#define BIO_meth_set_write_ex (skt_ossl.BIO_meth_set_write_ex)
#define BIO_new (skt_ossl.BIO_new)
#define BIO_set_data (skt_ossl.BIO_set_data)
#define BIO_set_flags (skt_ossl.BIO_set_flags)
#define BIO_set_init (skt_ossl.BIO_set_init)
#define BN_bin2bn (skt_ossl.BN_bin2bn)
#define BN_free (skt_ossl.BN_free)
#define BN_to_ASN1_INTEGER (skt_ossl.BN_to_ASN1_INTEGER)
#define CRYPTO_free (skt_ossl.CRYPTO_free)
#define CRYPTO_get_ex_new_index (skt_ossl.CRYPTO_get_ex_new_index)
#define ERR_clear_error (skt_ossl.ERR_clear_error)
#define ERR_peek_error (skt_ossl.ERR_peek_error)
#define ERR_peek_last_error (skt_ossl.ERR_peek_last_error)
#define ERR_reason_error_string (skt_ossl.ERR_reason_error_string)
#define EVP_DecodeBlock (skt_ossl.EVP_DecodeBlock)
#define EVP_Digest (skt_ossl.EVP_Digest)
#define EVP_EncodeBlock (skt_ossl.EVP_EncodeBlock)
#define EVP_PKEY_Q_keygen (skt_ossl.EVP_PKEY_Q_keygen)
#define EVP_PKEY_free (skt_ossl.EVP_PKEY_free)
#define EVP_sha1 (skt_ossl.EVP_sha1)
#define EVP_sha256 (skt_ossl.EVP_sha256)
#define GENERAL_NAMES_free (skt_ossl.GENERAL_NAMES_free)
#define GENERAL_NAMES_new (skt_ossl.GENERAL_NAMES_new)
#define GENERAL_NAME_free (skt_ossl.GENERAL_NAME_free)
#define GENERAL_NAME_get0_value (skt_ossl.GENERAL_NAME_get0_value)
#define GENERAL_NAME_new (skt_ossl.GENERAL_NAME_new)
#define GENERAL_NAME_set0_value (skt_ossl.GENERAL_NAME_set0_value)
#define OPENSSL_cleanse (skt_ossl.OPENSSL_cleanse)
#define OPENSSL_sk_num (skt_ossl.OPENSSL_sk_num)
#define OPENSSL_sk_push (skt_ossl.OPENSSL_sk_push)
#define OPENSSL_sk_value (skt_ossl.OPENSSL_sk_value)
#define RAND_bytes (skt_ossl.RAND_bytes)
#define X509V3_EXT_conf_nid (skt_ossl.X509V3_EXT_conf_nid)
#define X509V3_set_ctx (skt_ossl.X509V3_set_ctx)
#define X509_EXTENSION_free (skt_ossl.X509_EXTENSION_free)
#define X509_NAME_ENTRY_get_data (skt_ossl.X509_NAME_ENTRY_get_data)
#define X509_NAME_add_entry_by_txt (skt_ossl.X509_NAME_add_entry_by_txt)
#define X509_NAME_get_entry (skt_ossl.X509_NAME_get_entry)
#define X509_NAME_get_index_by_NID (skt_ossl.X509_NAME_get_index_by_NID)
#define X509_STORE_CTX_get0_cert (skt_ossl.X509_STORE_CTX_get0_cert)
#define X509_STORE_CTX_get_current_cert (skt_ossl.X509_STORE_CTX_get_current_cert)
#define X509_STORE_CTX_get_ex_data (skt_ossl.X509_STORE_CTX_get_ex_data)
#define X509_STORE_CTX_set_error (skt_ossl.X509_STORE_CTX_set_error)
#define X509_STORE_new (skt_ossl.X509_STORE_new)
#define X509_STORE_set_default_paths (skt_ossl.X509_STORE_set_default_paths)
#define X509_STORE_up_ref (skt_ossl.X509_STORE_up_ref)
#define X509_VERIFY_PARAM_set1_ip_asc (skt_ossl.X509_VERIFY_PARAM_set1_ip_asc)
#define X509_add1_ext_i2d (skt_ossl.X509_add1_ext_i2d)
#define X509_add_ext (skt_ossl.X509_add_ext)
#define X509_check_host (skt_ossl.X509_check_host)
#define X509_digest (skt_ossl.X509_digest)
#define X509_free (skt_ossl.X509_free)
#define X509_get0_notAfter (skt_ossl.X509_get0_notAfter)
#define X509_get0_notBefore (skt_ossl.X509_get0_notBefore)
#define X509_get_X509_PUBKEY (skt_ossl.X509_get_X509_PUBKEY)
#define X509_get_ext_d2i (skt_ossl.X509_get_ext_d2i)
#define X509_get_issuer_name (skt_ossl.X509_get_issuer_name)
#define X509_get_serialNumber (skt_ossl.X509_get_serialNumber)
#define X509_get_subject_name (skt_ossl.X509_get_subject_name)
#define X509_getm_notAfter (skt_ossl.X509_getm_notAfter)
#define X509_getm_notBefore (skt_ossl.X509_getm_notBefore)
#define X509_gmtime_adj (skt_ossl.X509_gmtime_adj)
#define X509_new (skt_ossl.X509_new)
#define X509_set_issuer_name (skt_ossl.X509_set_issuer_name)
#define X509_set_pubkey (skt_ossl.X509_set_pubkey)
#define X509_set_version (skt_ossl.X509_set_version)
#define X509_sign (skt_ossl.X509_sign)
#define X509_up_ref (skt_ossl.X509_up_ref)
#define X509_verify_cert (skt_ossl.X509_verify_cert)
#define X509_verify_cert_error_string (skt_ossl.X509_verify_cert_error_string)
#define i2d_X509_PUBKEY (skt_ossl.i2d_X509_PUBKEY)
#endif
/* clang-format on */

#endif
