// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/unbound_context.hh"

#include "common/text.hh"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>

namespace sluice {

namespace {

/// Making and ending a context writes what is global to the library.
std::mutex& libraryGlobals() {
    static std::mutex mutex;
    return mutex;
}

struct Option {
    const char* name;
    const char* value;
};

constexpr std::array<Option, 14> options{{
    // lists are not signed, and no trust anchor is set: the validator would only cost
    {"module-config:", "iterator"},
    // servers of lists answer NXDOMAIN for the names between the zone and the client
    {"qname-minimisation:", "no"},
    {"do-not-query-localhost:", "no"},
    // with the default of 50 ms a question to a list that needs 300 ms is sent three times
    {"infra-cache-min-rtt:", "500"},
    // how long a server that did not answer stays disfavoured. Behind a forwarder a list that is
    // dead looks like a dead forwarder; the time-outs double, and from 23 s of silence on all lists
    // would be refused. A server among several that is down costs 1 s each time that this runs out.
    {"infra-host-ttl:", "15"},
    {"infra-keep-probing:", "yes"},
    // a server that is silent holds a question for some seconds instead of half a minute. 1.17 and
    // its like count what they send again, later ones all that they send: 3 leaves time for an
    // answer after more than a second with both
    {"outbound-msg-retry:", "3"},
    {"cache-max-ttl:", "3600"},
    {"cache-max-negative-ttl:", "3600"},
    {"outgoing-num-tcp:", "16"},
    // names that libunbound would answer itself, but that private lists may have (it misreads its
    // own "nodefault" here; an empty transparent zone does the same)
    {"local-zone:", "test. transparent"},
    {"local-zone:", "home.arpa. transparent"},
    {"use-syslog:", "no"},
    {"verbosity:", "0"},
}};

Result<void> check(int status, std::string_view what) {
    if (status == UB_NOERROR)
        return {};
    return fail(fmt::format("libunbound does not take {}: {}", what, ub_strerror(status)));
}

Result<void> setOption(ub_ctx* context, const char* name, const char* value) {
    return check(ub_ctx_set_option(context, name, value), fmt::format("{} {}", name, value));
}

Result<void> setOptions(ub_ctx* context, std::size_t questions) {
    for (const auto& [name, value] : options)
        if (auto set = setOption(context, name, value); !set)
            return set;
    // a port for each question: with fewer, questions queue behind those to a silent server
    const std::string count = std::to_string(questions);
    if (auto set = setOption(context, "outgoing-range:", count.c_str()); !set)
        return set;
    return setOption(context, "num-queries-per-thread:", count.c_str());
}

/// Keeps libunbound from answering from its own cache what a forwarder would answer otherwise by
/// now. It takes this from a file only; without it a self-test merely sees changes of a list later.
void avoidForwarderCache(ub_ctx* context) {
    constexpr std::string_view text = "forward-zone:\n  name: \".\"\n  forward-no-cache: yes\n";
    const int file = memfd_create("unbound", MFD_CLOEXEC);
    if (file < 0)
        return;
    if (write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()))
        ub_ctx_config(context, fmt::format("/proc/self/fd/{}", file).c_str());
    close(file);
}

Result<void> useSystemServers(ub_ctx* context, const std::string& path) {
    avoidForwarderCache(context);
    return check(ub_ctx_resolvconf(context, path.c_str()),
                 "the name servers of " + quoteForDisplay(path));
}

Result<void> useServers(ub_ctx* context, const std::vector<std::string>& servers) {
    if (servers.empty())
        return fail("no DNS server is given");
    avoidForwarderCache(context);
    for (const std::string& server : servers)
        if (auto set = check(ub_ctx_set_fwd(context, server.c_str()),
                             "the DNS server " + quoteForDisplay(server));
            !set)
            return set;
    return {};
}

Result<void> chooseServers(ub_ctx* context, const ResolverSettings& settings) {
    switch (settings.source) {
    case ResolverSettings::Source::system:
        return useSystemServers(context, settings.resolvConf);
    case ResolverSettings::Source::recursive:
        return {};
    case ResolverSettings::Source::servers:
        return useServers(context, settings.servers);
    }
    return fail("no source of DNS answers is chosen");
}

void dropAnswer(void* /*unused*/, int /*error*/, ub_result* result) {
    ub_resolve_free(result);
}

/// The first question makes libunbound's thread; a name that it knows itself costs no packet.
Result<void> startThread(ub_ctx* context) {
    constexpr int typeA = 1;
    constexpr int classIn = 1;
    const int status =
        ub_resolve_async(context, "localhost.", typeA, classIn, nullptr, dropAnswer, nullptr);
    if (status != UB_NOERROR)
        return fail(fmt::format("libunbound does not start: {}", ub_strerror(status)));
    return {};
}

Result<void> setUp(ub_ctx* context, const ResolverSettings& settings, std::size_t questions) {
    if (context == nullptr)
        return fail("libunbound makes no context: no memory or no random numbers");
    // its messages go around the log and are not escaped
    ub_ctx_debugout(context, nullptr);
    ub_ctx_async(context, 1);
    if (auto set = setOptions(context, questions); !set)
        return set;
    if (auto chosen = chooseServers(context, settings); !chosen)
        return chosen;
    return startThread(context);
}

} // namespace

void UnboundContextDelete::operator()(ub_ctx* context) const {
    const std::lock_guard guard(libraryGlobals());
    ub_ctx_delete(context);
}

Result<UnboundContext> makeUnboundContext(const ResolverSettings& settings, std::size_t questions) {
    UnboundContext context;
    Result<void> done;
    {
        const std::lock_guard guard(libraryGlobals());
        context.reset(ub_ctx_create());
        done = setUp(context.get(), settings, questions);
    }
    if (!done)
        return tl::unexpected(done.error());
    return context;
}

std::string_view responseCodeName(int code) {
    constexpr std::array<std::string_view, 6> names{"NOERROR",  "FORMERR", "SERVFAIL",
                                                    "NXDOMAIN", "NOTIMP",  "REFUSED"};
    const auto at = static_cast<std::size_t>(code);
    return code >= 0 && at < names.size() ? names[at] : "an error";
}

} // namespace sluice
