// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/ldap_tls.hh"

#ifdef SLUICE_LDAP

#include "common/ip_network.hh"
#include "common/text.hh"
#include "milter/adapters/ldap_socket.hh"

#include <lber.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

namespace sluice {
namespace {

std::string lastError() {
    const unsigned long code = ERR_get_error();
    const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason == nullptr ? "the server broke it off" : reason;
}

struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;

/// With what the file says now: authorities come and go.
Result<Context> makeContext(const std::string& caFile) {
    Context context(SSL_CTX_new(TLS_client_method()));
    if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1)
        return fail("TLS: " + lastError());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (caFile.empty())
        SSL_CTX_set_default_verify_paths(context.get());
    else if (SSL_CTX_load_verify_file(context.get(), caFile.c_str()) != 1)
        return fail("TLS: no certificates in " + escapeForDisplay(caFile));
    return context;
}

/// A certificate of somebody else is none.
bool expectName(SSL* session, const std::string& host) {
    if (IpAddress::parse(host))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str()) == 1;
    std::string name = host; // RFC 6066 section 3; the macro for it has a cast of C
    return SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    name.data()) == 1 &&
           SSL_set1_host(session, name.c_str()) == 1;
}

// --- what libldap calls -------------------------------------------------------------------------

SSL* sessionOf(Sockbuf_IO_Desc* layer) {
    return static_cast<SSL*>(layer->sbiod_pvt);
}

int setUp(Sockbuf_IO_Desc* layer, void* session) {
    layer->sbiod_pvt = session;
    return 0;
}

int keep(Sockbuf_IO_Desc*) {
    return 0; // the session has another owner
}

int control(Sockbuf_IO_Desc* layer, int option, void* argument) {
    if (option == LBER_SB_OPT_DATA_READY && SSL_pending(sessionOf(layer)) > 0)
        return 1;
    return LBER_SBIOD_CTRL_NEXT(layer, option, argument);
}

/// As read(2) and write(2) say it.
ber_slen_t answerOf(SSL* session, int result) {
    if (result > 0)
        return result;
    switch (SSL_get_error(session, result)) {
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EWOULDBLOCK;
        return -1;
    default:
        errno = EIO;
        return -1;
    }
}

int lengthFor(ber_len_t length) {
    return static_cast<int>(std::min<ber_len_t>(length, std::numeric_limits<int>::max()));
}

ber_slen_t readFrom(Sockbuf_IO_Desc* layer, void* octets, ber_len_t length) {
    ERR_clear_error();
    return answerOf(sessionOf(layer), SSL_read(sessionOf(layer), octets, lengthFor(length)));
}

ber_slen_t writeTo(Sockbuf_IO_Desc* layer, void* octets, ber_len_t length) {
    ERR_clear_error();
    return answerOf(sessionOf(layer), SSL_write(sessionOf(layer), octets, lengthFor(length)));
}

} // namespace

void LdapTls::Free::operator()(ssl_st* session) const {
    SSL_free(session);
}

LdapTls::LdapTls() = default;
LdapTls::~LdapTls() = default;

Result<std::unique_ptr<LdapTls>> LdapTls::open(int descriptor, const std::string& host,
                                               const std::string& caFile, SteadyTime deadline) {
    ERR_clear_error();
    std::unique_ptr<LdapTls> tls(new LdapTls); // private
    if (auto prepared = tls->prepare(descriptor, host, caFile); !prepared)
        return tl::unexpected(prepared.error());
    if (auto done = tls->shakeHands(descriptor, deadline); !done)
        return tl::unexpected(done.error());
    return tls;
}

Result<void> LdapTls::prepare(int descriptor, const std::string& host, const std::string& caFile) {
    const auto context = makeContext(caFile);
    if (!context)
        return tl::unexpected(context.error());
    session_.reset(SSL_new(context->get()));
    if (!session_ || !expectName(session_.get(), host) ||
        SSL_set_fd(session_.get(), descriptor) != 1)
        return fail("TLS: " + lastError());
    return {};
}

Result<void> LdapTls::shakeHands(int descriptor, SteadyTime deadline) {
    for (;;) {
        const int result = SSL_connect(session_.get());
        if (result == 1)
            return {};
        const int error = SSL_get_error(session_.get(), result);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
            break;
        if (!waitForSocket(descriptor, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline))
            return fail("TLS: no answer in time");
    }
    const long verified = SSL_get_verify_result(session_.get());
    if (verified != X509_V_OK)
        return fail(std::string("TLS: certificate of the server: ") +
                    X509_verify_cert_error_string(verified));
    return fail("TLS: " + lastError());
}

bool LdapTls::layUnder(sockbuf* buffer) {
    static Sockbuf_IO calls = {setUp, keep, control, readFrom, writeTo, keep};
    return ber_sockbuf_add_io(buffer, &calls, LBER_SBIOD_LEVEL_TRANSPORT, session_.get()) == 0;
}

} // namespace sluice

#else

namespace sluice {

void LdapTls::Free::operator()(ssl_st*) const {}
LdapTls::~LdapTls() = default;

} // namespace sluice

#endif
