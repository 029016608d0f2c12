// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/policy/time_point.hh"

#include <memory>
#include <string>

struct sockbuf;
struct ssl_st;

namespace sluice {

/// TLS under a connection of libldap, by OpenSSL: the library's own, which is GnuTLS in Debian,
/// cannot end a handshake at a deadline. One thread at a time.
class LdapTls {
public:
    /// On a socket that does not block and outlives this. `host`, a name or an address, must be
    /// that of the certificate, and the certificate signed by one in `caFile` (PEM), or, where that
    /// is empty, by one that the system trusts (SSL_CERT_FILE, SSL_CERT_DIR). Error: fit for the
    /// log.
    static Result<std::unique_ptr<LdapTls>> open(int descriptor, const std::string& host,
                                                 const std::string& caFile, SteadyTime deadline);
    ~LdapTls();
    LdapTls(const LdapTls&) = delete;
    LdapTls& operator=(const LdapTls&) = delete;

    /// All octets of the library go through it from now on; it must outlive the library's handle.
    bool layUnder(sockbuf* buffer);

private:
    struct Free {
        void operator()(ssl_st* session) const;
    };
    LdapTls();
    Result<void> prepare(int descriptor, const std::string& host, const std::string& caFile);
    Result<void> shakeHands(int descriptor, SteadyTime deadline);

    std::unique_ptr<ssl_st, Free> session_;
};

} // namespace sluice
