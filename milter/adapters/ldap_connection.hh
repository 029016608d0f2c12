// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/adapters/ldap_settings.hh"
#include "milter/adapters/ldap_socket.hh"
#include "milter/policy/time_point.hh"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct ldap;
struct ldapmsg;

namespace sluice {

class LdapTls;

/// Why there is no answer.
struct LdapTrouble {
    enum class Kind : std::uint8_t {
        server, ///< it cannot be reached, is silent, breaks off, or says that it can do no work
        login,  ///< it does not take our name and password
        search, ///< it works, and has no answer to this
    };
    Kind kind = Kind::server;
    std::string message; ///< fit for the log
};

template<typename T>
using LdapResult = tl::expected<T, LdapTrouble>;

/// What is looked for. No attribute is asked for, and no more than one entry.
struct LdapSearch {
    std::string base;
    LdapSettings::Scope scope = LdapSettings::Scope::sub;
    std::string filter;
};

/// A connection to one server, by libldap, on a socket that never blocks. Every call ends at its
/// deadline. After an error of another kind than `search` it is broken for good. One thread at a
/// time.
class LdapConnection {
public:
    /// The first use of the library may take long: it looks up the name of this host.
    static void prepareLibrary();

    /// Connects, makes it safe as the settings want it, and logs in. `server`: the name that a
    /// certificate must have.
    static LdapResult<std::unique_ptr<LdapConnection>> open(const LdapSettings& settings,
                                                            const HostPort& server,
                                                            const LdapAddress& address,
                                                            SteadyTime deadline);
    ~LdapConnection();
    LdapConnection(const LdapConnection&) = delete;
    LdapConnection& operator=(const LdapConnection&) = delete;

    /// Whether there is such an entry.
    LdapResult<bool> exists(const LdapSearch& search, SteadyTime deadline);

    /// Nothing is on its way, and the server has not closed it: it may be used again.
    [[nodiscard]] bool reusable() const;

private:
    struct Unbind {
        void operator()(ldap* handle) const;
    };
    struct FreeMessage {
        void operator()(ldapmsg* message) const;
    };
    using Message = std::unique_ptr<ldapmsg, FreeMessage>;
    struct Outcome;

    explicit LdapConnection(int descriptor);
    LdapResult<void> attach(const HostPort& server);
    LdapResult<void> startTls(SteadyTime deadline);
    LdapResult<void> secure(const LdapSettings& settings, const HostPort& server,
                            SteadyTime deadline);
    LdapResult<void> logIn(const LdapSettings& settings, SteadyTime deadline);
    LdapResult<Message> next(int id, SteadyTime deadline);
    LdapResult<Outcome> outcomeOf(const Message& message);
    LdapResult<std::string> foreignPart(const Message& reference);
    tl::unexpected<LdapTrouble> broken(std::string_view doing, int code);

    int descriptor_;               ///< belongs to handle_ as soon as there is one
    std::unique_ptr<LdapTls> tls_; ///< handle_ uses it to its end
    std::unique_ptr<ldap, Unbind> handle_;
    bool broken_ = false;
};

/// Active Directory names these parts of itself in each search below the top of a domain; no
/// recipient is in them. `url` is that of a search reference (RFC 4511 section 4.5.3).
bool holdsNoRecipients(std::string_view url);

} // namespace sluice
