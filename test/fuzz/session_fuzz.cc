// SPDX-License-Identifier: BSD-2-Clause
// What a mail server does on its connections, a line each: a letter and its argument.
//
//   n ACTIONS STEPS   what the MTA offers, in hexadecimal digits; only the first counts
//   C NAME ADDRESS    h NAME      M ARGUMENT…  R ARGUMENT…  d      connect to DATA
//   H NAME:VALUE      e           b OCTETS     E            a      header to end of message; abort
//   q                 the MTA ends the session and begins another on the same connection (QUIT_NC)
//   x                 it closes the connection
//   m NAME VALUE      a macro; without VALUE it is not known
//   c N               goes on with connection N (0 to 3)
//   f N               the Nth edit from now on fails;  F N: the Nth piece of memory is not there
//   r N               a reload, with configuration N (0 to 5)
//   t SECONDS         time passes
//   D ANSWERS         of DNS lists to come, see fake_services.hh
//   o N               the filter takes N sessions;  B: badmail cannot be stored, or can again
//
// In arguments `\n`, `\r`, `\0` and `\\` stand for what they do in C, and `\*` for the sixteenfold
// of what is before it. Whatever comes, each call gets one answer that is valid for it, and edits
// that the MTA can take (see fake_libmilter.cc); when the connections are closed no session is
// left.

#include "common/text.hh"
#include "milter/adapters/store_memory.hh"
#include "milter/callbacks.hh"
#include "test/fuzz/fake_libmilter.hh"
#include "test/fuzz/fake_services.hh"
#include "test/fuzz/fuzz_support.hh"
#include "test/fuzz/session_configs.hh"
#include "test/support/failing_memory.hh"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

using namespace sluice;
using fuzz::Call;

namespace {

constexpr std::size_t longestArgument = 100'000;
constexpr std::size_t mostCalls = 200;
constexpr std::size_t storeOctets = 64UL * 1024; // few: it fills up
constexpr std::size_t tarpitPlaces = 1;

/// Lives as long as the process, as libmilter's own.
SessionServices& services() {
    static SessionServices all;
    return all;
}

const smfiDesc& callbacks() {
    static const smfiDesc all = milterCallbacks(services());
    return all;
}

std::string argumentOf(std::string_view text) {
    std::string argument;
    for (std::size_t at = 0; at < text.size() && argument.size() < longestArgument; ++at) {
        if (text[at] != '\\' || at + 1 == text.size()) {
            argument += text[at];
            continue;
        }
        const std::string before = argument;
        switch (text[++at]) {
        case 'n':
            argument += '\n';
            break;
        case 'r':
            argument += '\r';
            break;
        case '0':
            argument += '\0';
            break;
        case '*':
            for (int i = 1; i < 16 && argument.size() < longestArgument; ++i)
                argument += before;
            break;
        default:
            argument += text[at];
        }
    }
    return argument;
}

std::size_t numberIn(std::string_view text, int base = 10) {
    return std::strtoul(std::string(text.substr(0, 16)).c_str(), nullptr, base);
}

/// As callbacks take them: what is behind a NUL is lost.
class Arguments {
public:
    explicit Arguments(const std::string& text) {
        for (const std::string_view word : split(text, ' '))
            words_.emplace_back(word);
        for (std::string& word : words_)
            pointers_.push_back(word.data());
        pointers_.push_back(nullptr);
        if (text.empty())
            pointers_.front() = nullptr;
    }
    [[nodiscard]] char** get() { return pointers_.data(); }

private:
    std::vector<std::string> words_;
    std::vector<char*> pointers_;
};

/// An address of a family that the filter knows, another, or none.
class ClientAddress {
public:
    explicit ClientAddress(const std::string& text) {
        auto* const v4 = reinterpret_cast<sockaddr_in*>(&storage_);
        auto* const v6 = reinterpret_cast<sockaddr_in6*>(&storage_);
        if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1)
            storage_.ss_family = AF_INET;
        else if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1)
            storage_.ss_family = AF_INET6;
        else
            storage_.ss_family = AF_UNIX;
        if (text != "127.0.0.1") // that is of mail that came by no connection
            v4->sin_port = htons(25000);
        isNone_ = text.empty();
    }
    [[nodiscard]] sockaddr* get() {
        return isNone_ ? nullptr : reinterpret_cast<sockaddr*>(&storage_);
    }

private:
    sockaddr_storage storage_{};
    bool isNone_ = false;
};

/// A mail server, the filter, and what the two share.
class Site {
public:
    Site();
    ~Site();
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    void run(char command, std::string_view text);

private:
    template<typename Work>
    sfsistat call(Call which, Work work);
    bool negotiate();
    void offer(std::string_view text);
    void command(char command, const std::string& argument);
    void connect(const std::string& argument);
    void recipient(const std::string& argument);
    void header(const std::string& argument);
    void body(std::string octets);
    void close(bool goesOn);
    void setMacro(std::string_view text);
    void reload(std::size_t which);

    std::shared_ptr<Store> store_ = makeMemoryStore({storeOctets, 8});
    SmtpNotifier notifier_;
    LoopWatch loops_{*store_, notifier_};
    OperatorLists lists_{*store_};
    DnsblService dnsbl_;
    Tarpit tarpit_{tarpitPlaces};
    std::array<smfi_str, 4> connections_;
    smfi_str* context_ = &connections_.front();
    std::size_t calls_ = 0;
    bool badmailFails_ = false;
};

Site::Site() {
    fuzz::resetServices();
    SessionServices& all = services();
    all.store = store_.get();
    all.loops = &loops_;
    all.operatorLists = &lists_;
    all.dnsbl = &dnsbl_;
    all.tarpit = &tarpit_;
    all.openSessions.setLimit(0);
    reload(0);
}

Site::~Site() {
    test::failAllocation(0);
    for (smfi_str& each : connections_) {
        context_ = &each;
        close(false);
    }
    fuzz::require(services().openSessions.count() == 0);
    fuzz::require(services().callbacksRunning == 0);
}

void Site::reload(std::size_t which) {
    services().runtime.set(fuzz::sessionRuntime(which % fuzz::sessionConfigCount));
}

template<typename Work>
sfsistat Site::call(Call which, Work work) {
    if (!negotiate())
        return SMFIS_TEMPFAIL;
    const bool begins = context_->session == nullptr;
    if (begins)
        context_->observing = services().runtime.get()->config.observe;
    context_->begin(which);
    sfsistat status = SMFIS_CONTINUE;
    {
        // no session begins in the middle of a message, but here
        const test::CountedMemory memory(!begins || which <= Call::connect);
        status = work(context_);
    }
    context_->end(status);
    return status;
}

/// libmilter does it before all else. False: the filter could not, and the MTA has hung up.
bool Site::negotiate() {
    if (context_->negotiated)
        return true;
    context_->negotiated = true;
    unsigned long actions = callbacks().xxfi_flags;
    unsigned long steps = 0;
    const sfsistat status = call(Call::negotiate, [&](SMFICTX* context) {
        unsigned long unused2 = 1;
        unsigned long unused3 = 1;
        return callbacks().xxfi_negotiate(context, context->offeredActions, context->offeredSteps,
                                          0, 0, &actions, &steps, &unused2, &unused3);
    });
    if (status != SMFIS_CONTINUE) {
        close(false);
        return false;
    }
    fuzz::require((actions & ~context_->offeredActions) == 0);
    fuzz::require((steps & ~context_->offeredSteps) == 0);
    context_->actions = actions;
    context_->steps = steps;
    return true;
}

void Site::offer(std::string_view text) {
    if (context_->negotiated)
        return;
    const std::size_t blank = std::min(text.find(' '), text.size());
    context_->offeredActions = numberIn(text, 16);
    context_->offeredSteps = numberIn(text.substr(blank), 16);
    negotiate();
}

void Site::connect(const std::string& argument) {
    const std::size_t blank = std::min(argument.find(' '), argument.size());
    std::string name = argument.substr(0, blank);
    ClientAddress address(argument.substr(std::min(blank + 1, argument.size())));
    call(Call::connect, [&](SMFICTX* context) {
        return callbacks().xxfi_connect(context, name.data(), address.get());
    });
}

void Site::recipient(const std::string& argument) {
    Arguments arguments(argument);
    const sfsistat status = call(Call::rcpt, [&](SMFICTX* context) {
        return callbacks().xxfi_envrcpt(context, arguments.get());
    });
    if (status == SMFIS_CONTINUE)
        context_->recipients.emplace_back(arguments.get()[0] == nullptr ? "" : arguments.get()[0]);
}

void Site::header(const std::string& argument) {
    const std::size_t colon = std::min(argument.find(':'), argument.size());
    std::string name = argument.substr(0, colon);
    std::string value = argument.substr(std::min(colon + 1, argument.size()));
    call(Call::header, [&](SMFICTX* context) {
        return callbacks().xxfi_header(context, name.data(), value.data());
    });
    context_->headers.emplace_back(name.c_str());
}

void Site::body(std::string octets) {
    call(Call::body, [&](SMFICTX* context) {
        return callbacks().xxfi_body(context, reinterpret_cast<unsigned char*>(octets.data()),
                                     octets.size());
    });
}

/// libmilter may say so twice.
void Site::close(bool goesOn) {
    // what is agreed on holds, although the next session does not hear of it again
    constexpr unsigned long silent = SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY;
    const unsigned long offered = context_->offeredSteps & silent;
    if (goesOn && offered != 0 && offered != silent)
        return; // no MTA: they came into the protocol together
    for (int i = 0; i < 2; ++i) {
        context_->begin(Call::close);
        context_->end(callbacks().xxfi_close(context_));
        fuzz::require(context_->session == nullptr);
    }
    if (!goesOn)
        *context_ = smfi_str();
}

void Site::setMacro(std::string_view text) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    const std::string name(text.substr(0, blank));
    if (blank == text.size())
        context_->macros.erase(name);
    else
        context_->macros[name] = argumentOf(text.substr(blank + 1)).c_str();
}

void Site::command(char command, const std::string& argument) {
    Arguments arguments(argument);
    std::string name = argument;
    switch (command) {
    case 'C':
        return connect(argument);
    case 'h':
        if ((context_->steps & SMFIP_NOHELO) == 0)
            call(Call::helo, [&](SMFICTX* c) { return callbacks().xxfi_helo(c, name.data()); });
        return;
    case 'M':
        call(Call::mail, [&](SMFICTX* c) { return callbacks().xxfi_envfrom(c, arguments.get()); });
        return;
    case 'R':
        return recipient(argument);
    case 'd':
        if ((context_->steps & SMFIP_NODATA) == 0)
            call(Call::data, callbacks().xxfi_data);
        return;
    case 'H':
        return header(argument);
    case 'e':
        call(Call::eoh, callbacks().xxfi_eoh);
        return;
    case 'b':
        return body(argument);
    case 'E':
        call(Call::eom, callbacks().xxfi_eom);
        return;
    case 'a':
        call(Call::abort, callbacks().xxfi_abort);
        return;
    default:
        return;
    }
}

void Site::run(char letter, std::string_view text) {
    switch (letter) {
    case 'n':
        return offer(text);
    case 'q':
        return close(true);
    case 'x':
        return close(false);
    case 'm':
        return setMacro(text);
    case 'c':
        context_ = &connections_.at(numberIn(text) % connections_.size());
        return;
    case 'f':
        context_->editUntilFailure = numberIn(text);
        return;
    case 'F':
        return test::failAllocation(numberIn(text));
    case 'r':
        return reload(numberIn(text));
    case 't':
        return fuzz::letPass(std::chrono::seconds(numberIn(text) % 1'000'000));
    case 'D':
        return fuzz::setDnsblAnswers(std::string(text));
    case 'o':
        return services().openSessions.setLimit(numberIn(text));
    case 'B':
        badmailFails_ = !badmailFails_;
        return fuzz::setBadmailFails(badmailFails_);
    default:
        if (++calls_ <= mostCalls)
            command(letter, argumentOf(text));
    }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    Site site;
    for (const std::string_view line : split(fuzz::textOf(octets, size), '\n'))
        if (!line.empty())
            site.run(line.front(), line.substr(std::min<std::size_t>(2, line.size())));
    return 0;
}
