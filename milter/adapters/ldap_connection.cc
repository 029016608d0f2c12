// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/ldap_connection.hh"

#include "common/text.hh"
#include "milter/adapters/ldap_tls.hh"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>
#ifdef SLUICE_LDAP
#include <ldap.h>
#include <openldap.h>
#endif

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

namespace sluice {

bool holdsNoRecipients(std::string_view url) {
    static constexpr std::string_view beginnings[] = {"dc=domaindnszones,", "dc=forestdnszones,",
                                                      "cn=configuration,"};
    const std::size_t host = url.find("://");
    const std::size_t slash = host == std::string_view::npos ? host : url.find('/', host + 3);
    if (slash == std::string_view::npos)
        return false;
    const std::string base = toLowerAscii(url.substr(slash + 1));
    return std::any_of(std::begin(beginnings), std::end(beginnings),
                       [&](std::string_view beginning) { return base.starts_with(beginning); });
}

#ifdef SLUICE_LDAP

namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;
using Kind = LdapTrouble::Kind;

/// An answer to a search for one name has a hundred octets; what is longer is not worth memory.
constexpr ber_len_t longestMessage = 1024UL * 1024;
/// Messages of an answer: an entry, references to other parts of the directory, the end.
constexpr unsigned maxMessages = 100;

tl::unexpected<LdapTrouble> trouble(Kind kind, std::string message) {
    return tl::unexpected(LdapTrouble{kind, std::move(message)});
}

timeval timevalOf(microseconds time) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(time);
    return {static_cast<time_t>(whole.count()), static_cast<suseconds_t>((time - whole).count())};
}

/// Nothing: the time is over.
std::optional<timeval> timeUntil(SteadyTime deadline) {
    const auto left = std::chrono::duration_cast<microseconds>(deadline - steady_clock::now());
    if (left <= microseconds::zero())
        return std::nullopt;
    return timevalOf(left);
}

tl::unexpected<LdapTrouble> noAnswer() {
    return trouble(Kind::server, "no answer in time");
}

/// Of the handle, or none: what the last error was in detail.
std::string diagnosticOf(LDAP* handle) {
    char* text = nullptr;
    if (ldap_get_option(handle, LDAP_OPT_DIAGNOSTIC_MESSAGE, &text) != LDAP_OPT_SUCCESS ||
        text == nullptr)
        return {};
    std::string message(text);
    ldap_memfree(text);
    return message;
}

std::string described(int code, const std::string& detail) {
    std::string text = escapeForDisplay(ldap_err2string(code), 100);
    if (!detail.empty())
        text += fmt::format(" ({})", escapeForDisplay(detail, 200));
    return text;
}

/// All that matters here is set, whatever ldap.conf(5) of this machine and the environment say.
bool setOptions(LDAP* handle) {
    const int version = LDAP_VERSION3;
    const int never = LDAP_DEREF_NEVER;
    Sockbuf* buffer = nullptr;
    ber_len_t longest = longestMessage;
    return ldap_set_option(handle, LDAP_OPT_PROTOCOL_VERSION, &version) == LDAP_OPT_SUCCESS &&
           ldap_set_option(handle, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) == LDAP_OPT_SUCCESS &&
           ldap_set_option(handle, LDAP_OPT_RESTART, LDAP_OPT_ON) == LDAP_OPT_SUCCESS &&
           ldap_set_option(handle, LDAP_OPT_DEREF, &never) == LDAP_OPT_SUCCESS &&
           ldap_get_option(handle, LDAP_OPT_SOCKBUF, &buffer) == LDAP_OPT_SUCCESS &&
           ber_sockbuf_ctrl(buffer, LBER_SB_OPT_SET_MAX_INCOMING, &longest) == 1;
}

/// The server as a whole can do no work, whatever is asked.
bool isUnfit(int code) {
    return code == LDAP_BUSY || code == LDAP_UNAVAILABLE || code == LDAP_SERVER_DOWN;
}

int libraryScope(LdapSettings::Scope scope) {
    switch (scope) {
    case LdapSettings::Scope::base:
        return LDAP_SCOPE_BASE;
    case LdapSettings::Scope::one:
        return LDAP_SCOPE_ONELEVEL;
    case LdapSettings::Scope::sub:
        return LDAP_SCOPE_SUBTREE;
    }
    return LDAP_SCOPE_SUBTREE;
}

} // namespace

/// The end of an operation.
struct LdapConnection::Outcome {
    int code;
    std::string detail;
};

void LdapConnection::Unbind::operator()(ldap* handle) const {
    ldap_unbind_ext(handle, nullptr, nullptr);
}

void LdapConnection::FreeMessage::operator()(ldapmsg* message) const {
    ldap_msgfree(message);
}

LdapConnection::LdapConnection(int descriptor) : descriptor_(descriptor) {}

LdapConnection::~LdapConnection() {
    if (!handle_)
        ::close(descriptor_);
}

void LdapConnection::prepareLibrary() {
    int version = 0;
    ldap_get_option(nullptr, LDAP_OPT_PROTOCOL_VERSION, &version);
}

LdapResult<std::unique_ptr<LdapConnection>> LdapConnection::open(const LdapSettings& settings,
                                                                 const HostPort& server,
                                                                 const LdapAddress& address,
                                                                 SteadyTime deadline) {
    const auto descriptor = connectTo(address, deadline);
    if (!descriptor)
        return trouble(Kind::server, descriptor.error().message);
    std::unique_ptr<LdapConnection> connection(new LdapConnection(*descriptor)); // private
    if (auto attached = connection->attach(server); !attached)
        return tl::unexpected(attached.error());
    if (auto secured = connection->secure(settings, server, deadline); !secured)
        return tl::unexpected(secured.error());
    if (auto loggedIn = connection->logIn(settings, deadline); !loggedIn)
        return tl::unexpected(loggedIn.error());
    return connection;
}

LdapResult<void> LdapConnection::attach(const HostPort& server) {
    LDAP* handle = nullptr;
    const std::string url = "ldap://" + server.text();
    if (const int code = ldap_init_fd(descriptor_, LDAP_PROTO_TCP, url.c_str(), &handle);
        code != LDAP_SUCCESS || handle == nullptr)
        return trouble(Kind::server, "libldap: " + described(code, ""));
    handle_.reset(handle);
    return setOptions(handle) ? LdapResult<void>()
                              : LdapResult<void>(trouble(Kind::server, "libldap takes no option"));
}

/// Asks for TLS on the plain port (RFC 4511 section 4.14).
LdapResult<void> LdapConnection::startTls(SteadyTime deadline) {
    int id = 0;
    if (const int code = ldap_start_tls(handle_.get(), nullptr, nullptr, &id); code != LDAP_SUCCESS)
        return broken("STARTTLS", code);
    const auto message = next(id, deadline);
    if (!message)
        return tl::unexpected(message.error());
    const auto outcome = outcomeOf(*message);
    if (!outcome)
        return tl::unexpected(outcome.error());
    return outcome->code == LDAP_SUCCESS
               ? LdapResult<void>()
               : LdapResult<void>(trouble(
                     Kind::server, "STARTTLS: " + described(outcome->code, outcome->detail)));
}

LdapResult<void> LdapConnection::secure(const LdapSettings& settings, const HostPort& server,
                                        SteadyTime deadline) {
    if (settings.security == LdapSettings::Security::none)
        return {};
    if (settings.security == LdapSettings::Security::startTls)
        if (auto started = startTls(deadline); !started)
            return started;
    auto tls = LdapTls::open(descriptor_, server.host, settings.caFile, deadline);
    if (!tls)
        return trouble(Kind::server, tls.error().message);
    tls_ = *std::move(tls);
    Sockbuf* buffer = nullptr;
    if (ldap_get_option(handle_.get(), LDAP_OPT_SOCKBUF, &buffer) != LDAP_OPT_SUCCESS ||
        !tls_->layUnder(buffer))
        return trouble(Kind::server, "libldap takes no TLS");
    return {};
}

/// A simple bind (RFC 4513 section 5.1.3). Nobody in particular needs none.
LdapResult<void> LdapConnection::logIn(const LdapSettings& settings, SteadyTime deadline) {
    if (settings.bindName.empty())
        return {};
    std::string password = settings.password;
    berval credentials{password.size(), password.data()};
    int id = 0;
    if (const int code = ldap_sasl_bind(handle_.get(), settings.bindName.c_str(), LDAP_SASL_SIMPLE,
                                        &credentials, nullptr, nullptr, &id);
        code != LDAP_SUCCESS)
        return broken("login", code);
    const auto message = next(id, deadline);
    if (!message)
        return tl::unexpected(message.error());
    const auto outcome = outcomeOf(*message);
    if (!outcome)
        return tl::unexpected(outcome.error());
    if (outcome->code == LDAP_SUCCESS)
        return {};
    return trouble(isUnfit(outcome->code) ? Kind::server : Kind::login,
                   "login: " + described(outcome->code, outcome->detail));
}

LdapResult<bool> LdapConnection::exists(const LdapSearch& search, SteadyTime deadline) {
    const auto left = timeUntil(deadline);
    if (!left)
        return noAnswer();
    timeval serverTime{left->tv_sec + 1, 0}; // what nobody waits for any more is no work
    std::string nothing(LDAP_NO_ATTRS);
    std::array<char*, 2> attributes{nothing.data(), nullptr};
    int id = 0;
    const int sent = ldap_search_ext(handle_.get(), search.base.c_str(), libraryScope(search.scope),
                                     search.filter.c_str(), attributes.data(), 1, nullptr, nullptr,
                                     &serverTime, 1, &id);
    if (sent == LDAP_FILTER_ERROR)
        return trouble(Kind::search, "search: " + described(sent, ""));
    if (sent != LDAP_SUCCESS)
        return broken("search", sent);
    bool found = false;
    std::string elsewhere;
    for (unsigned messages = 0; messages < maxMessages; ++messages) {
        const auto message = next(id, deadline);
        if (!message)
            return tl::unexpected(message.error());
        const int type = ldap_msgtype(message->get());
        if (type == LDAP_RES_SEARCH_ENTRY) {
            found = true;
        } else if (type == LDAP_RES_SEARCH_REFERENCE) {
            auto part = foreignPart(*message);
            if (!part)
                return tl::unexpected(part.error());
            if (!part->empty())
                elsewhere = *std::move(part);
        } else if (type == LDAP_RES_SEARCH_RESULT) {
            const auto outcome = outcomeOf(*message);
            if (!outcome)
                return tl::unexpected(outcome.error());
            if (found || (outcome->code == LDAP_SUCCESS && elsewhere.empty()))
                return found;
            if (outcome->code == LDAP_SUCCESS)
                return trouble(Kind::search, "a part of the directory is at another server, which "
                                             "is not followed: " +
                                                 elsewhere);
            return trouble(isUnfit(outcome->code) ? Kind::server : Kind::search,
                           "search: " + described(outcome->code, outcome->detail));
        }
    }
    broken_ = true;
    return trouble(Kind::server, "an answer of too many messages");
}

/// Where the rest of the answer may be; empty: where no recipients are.
LdapResult<std::string> LdapConnection::foreignPart(const Message& reference) {
    char** urls = nullptr;
    if (const int code = ldap_parse_reference(handle_.get(), reference.get(), &urls, nullptr, 0);
        code != LDAP_SUCCESS)
        return broken("reference", code);
    std::string part;
    for (char** url = urls; url != nullptr && *url != nullptr; ++url)
        if (!holdsNoRecipients(*url))
            part = escapeForDisplay(*url, 200);
    ldap_memvfree(reinterpret_cast<void**>(urls)); // NOLINT(*-reinterpret-cast): as it is declared
    return part;
}

/// The next message of the answer.
LdapResult<LdapConnection::Message> LdapConnection::next(int id, SteadyTime deadline) {
    auto left = timeUntil(deadline);
    LDAPMessage* message = nullptr;
    const int type = left ? ldap_result(handle_.get(), id, LDAP_MSG_ONE, &*left, &message) : 0;
    Message owned(message);
    if (type > 0)
        return owned;
    if (type < 0) {
        int code = LDAP_SERVER_DOWN;
        ldap_get_option(handle_.get(), LDAP_OPT_RESULT_CODE, &code);
        return broken("answer", code);
    }
    broken_ = true;
    return noAnswer();
}

LdapResult<LdapConnection::Outcome> LdapConnection::outcomeOf(const Message& message) {
    int result = LDAP_OTHER;
    char* text = nullptr;
    char** referrals = nullptr;
    const int parsed = ldap_parse_result(handle_.get(), message.get(), &result, nullptr, &text,
                                         &referrals, nullptr, 0);
    Outcome outcome{result, text == nullptr ? "" : text};
    if (result == LDAP_REFERRAL && referrals != nullptr && *referrals != nullptr)
        outcome.detail = std::string(*referrals) + ", which is not followed";
    ldap_memfree(text);
    ldap_memvfree(reinterpret_cast<void**>(referrals)); // NOLINT(*-reinterpret-cast)
    if (parsed != LDAP_SUCCESS)
        return broken("answer", parsed);
    return outcome;
}

bool LdapConnection::reusable() const {
    if (broken_)
        return false;
    pollfd watched{descriptor_, POLLIN | POLLRDHUP, 0};
    return ::poll(&watched, 1, 0) == 0;
}

tl::unexpected<LdapTrouble> LdapConnection::broken(std::string_view doing, int code) {
    broken_ = true;
    return trouble(Kind::server,
                   fmt::format("{}: {}", doing, described(code, diagnosticOf(handle_.get()))));
}

#else

struct LdapConnection::Outcome {};

void LdapConnection::Unbind::operator()(ldap*) const {}
void LdapConnection::FreeMessage::operator()(ldapmsg*) const {}
LdapConnection::~LdapConnection() = default;
void LdapConnection::prepareLibrary() {}

LdapResult<std::unique_ptr<LdapConnection>>
LdapConnection::open(const LdapSettings&, const HostPort&, const LdapAddress&, SteadyTime) {
    return tl::unexpected(LdapTrouble{LdapTrouble::Kind::server, "this build has no LDAP"});
}

LdapResult<bool> LdapConnection::exists(const LdapSearch&, SteadyTime) {
    return tl::unexpected(LdapTrouble{LdapTrouble::Kind::server, "this build has no LDAP"});
}

bool LdapConnection::reusable() const {
    return false;
}

#endif

} // namespace sluice
