// SPDX-License-Identifier: BSD-2-Clause
//
// null-filter: a milter that says "continue" to everything. It is what sluice is measured against,
// so it can be told to negotiate the same steps, actions and macros, and its socket is set up the
// same. Prints "ready" when it listens; ends on SIGTERM.
//
#include "test/support/milter_protocol.hh"
#include "test/support/socket_address.hh"

#include <boost/program_options.hpp>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace steps = sluice::mta::steps;
using sluice::mta::SocketAddress;

constexpr int backlog = 512;

struct StageFlags {
    std::string_view name;
    std::uint32_t unwanted;
    std::uint32_t silent;
};

constexpr std::array<StageFlags, 9> stages{{
    {"connect", steps::noConnect, steps::silentConnect},
    {"helo", steps::noHelo, steps::silentHelo},
    {"mail", steps::noMail, steps::silentMail},
    {"rcpt", steps::noRecipient, steps::silentRecipient},
    {"data", steps::noData, steps::silentData},
    {"unknown", steps::noUnknown, steps::silentUnknown},
    {"header", steps::noHeaders, steps::silentHeader},
    {"eoh", steps::noEndOfHeaders, steps::silentEndOfHeaders},
    {"body", steps::noBody, steps::silentBody},
}};

const std::map<std::string, int, std::less<>> macroStages{
    {"connect", SMFIM_CONNECT}, {"helo", SMFIM_HELO}, {"mail", SMFIM_ENVFROM},
    {"rcpt", SMFIM_ENVRCPT},    {"data", SMFIM_DATA}, {"eoh", SMFIM_EOH},
    {"eom", SMFIM_EOM},
};

struct Wanted {
    std::uint32_t steps = 0;
    std::uint32_t actions = 0;
    std::vector<std::pair<int, std::string>> macros;
};

/// Set before the first callback, then only read.
Wanted wanted;

sfsistat proceed(std::uint32_t silent) {
    return (wanted.steps & silent) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

sfsistat onNegotiate(SMFICTX* context, unsigned long, unsigned long, unsigned long, unsigned long,
                     unsigned long* actions, unsigned long* stepsAsked, unsigned long* third,
                     unsigned long* fourth) {
    *actions = wanted.actions;
    *stepsAsked = wanted.steps;
    *third = *fourth = 0;
    for (auto& [stage, list] : wanted.macros) {
        std::string copy = list; // several sessions negotiate at once
        if (smfi_setsymlist(context, stage, copy.data()) != MI_SUCCESS)
            return SMFIS_REJECT;
    }
    return SMFIS_CONTINUE;
}

sfsistat onConnect(SMFICTX*, char*, _SOCK_ADDR*) {
    return proceed(steps::silentConnect);
}
sfsistat onHelo(SMFICTX*, char*) {
    return proceed(steps::silentHelo);
}
sfsistat onMail(SMFICTX*, char**) {
    return proceed(steps::silentMail);
}
sfsistat onRecipient(SMFICTX*, char**) {
    return proceed(steps::silentRecipient);
}
sfsistat onData(SMFICTX*) {
    return proceed(steps::silentData);
}
sfsistat onUnknown(SMFICTX*, const char*) {
    return proceed(steps::silentUnknown);
}
sfsistat onHeader(SMFICTX*, char*, char*) {
    return proceed(steps::silentHeader);
}
sfsistat onEndOfHeaders(SMFICTX*) {
    return proceed(steps::silentEndOfHeaders);
}
sfsistat onBody(SMFICTX*, unsigned char*, std::size_t) {
    return proceed(steps::silentBody);
}
sfsistat onEndOfMessage(SMFICTX*) {
    return SMFIS_CONTINUE;
}
sfsistat onAbort(SMFICTX*) {
    return SMFIS_CONTINUE;
}
sfsistat onClose(SMFICTX*) {
    return SMFIS_CONTINUE;
}

[[noreturn]] void giveUp(const std::string& what) {
    throw std::runtime_error(what);
}

std::vector<std::string> commaSeparated(std::string_view text) {
    std::vector<std::string> parts(1);
    for (const char c : text) {
        if (c == ',')
            parts.emplace_back();
        else
            parts.back() += c;
    }
    return parts;
}

const StageFlags& stageNamed(std::string_view name) {
    for (const auto& stage : stages) {
        if (stage.name == name)
            return stage;
    }
    giveUp("no stage \"" + std::string(name) + '"');
}

/// All stages but those named are not to be sent.
std::uint32_t stepsFor(std::string_view stagesWanted) {
    std::uint32_t flags = 0;
    for (const auto& stage : stages)
        flags |= stage.unwanted;
    for (const auto& name : commaSeparated(stagesWanted))
        flags &= ~stageNamed(name).unwanted;
    return flags;
}

/// Decimal, or hexadecimal with 0x, as `milter-client` and a packet trace print them.
std::uint32_t parseFlags(const std::string& text) {
    std::size_t used = 0;
    const auto value = std::stoul(text, &used, 0);
    if (used != text.size() || value > UINT32_MAX)
        giveUp("bad flags \"" + text + '"');
    return static_cast<std::uint32_t>(value);
}

std::pair<int, std::string> parseMacros(const std::string& text) {
    const auto equals = text.find('=');
    const auto stage = macroStages.find(text.substr(0, equals));
    if (equals == std::string::npos || stage == macroStages.end())
        giveUp("bad macros \"" + text + '"');
    return {stage->second, text.substr(equals + 1)};
}

/// A listening socket of our own, since libmilter sets no TCP_NODELAY, which the accepted sockets
/// inherit.
std::string inetConnection(const SocketAddress& address) {
    const int listener = socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0 ||
        bind(listener, address.get(), address.size()) != 0)
        giveUp(std::string("listening socket: ") + std::strerror(errno));
    return "fd:" + std::to_string(listener);
}

void listenOn(const std::string& text) {
    const auto address = SocketAddress::parse(text);
    if (!address)
        giveUp(address.error().message);
    std::string connection = address->family() == AF_UNIX ? text : inetConnection(*address);
    if (smfi_setconn(connection.data()) != MI_SUCCESS || smfi_setbacklog(backlog) != MI_SUCCESS ||
        smfi_opensocket(true) != MI_SUCCESS)
        giveUp("cannot listen on " + text);
    if (address->family() == AF_UNIX) // for the MTA, which runs as another user
        (void)chmod(text.substr(text.find(':') + 1).c_str(), S_IRWXU | S_IRWXG | S_IRWXO);
}

void registerCallbacks() {
    static std::string name = "null-filter";
    const smfiDesc callbacks{
        name.data(), SMFI_VERSION, wanted.actions, onConnect,   onHelo,         onMail,
        onRecipient, onHeader,     onEndOfHeaders, onBody,      onEndOfMessage, onAbort,
        onClose,     onUnknown,    onData,         onNegotiate,
    };
    if (smfi_register(callbacks) != MI_SUCCESS)
        giveUp("smfi_register failed");
}

namespace options = boost::program_options;

options::options_description description() {
    options::options_description all("null-filter: a milter that says continue");
    auto add = all.add_options();
    add("help", "this text");
    add("socket", options::value<std::string>()->required(), "unix:PATH or inet:PORT@HOST");
    add("stages", options::value<std::string>(),
        "the stages to ask for, comma separated (connect helo mail rcpt data unknown header eoh "
        "body); the default is all");
    add("flags", options::value<std::string>(), "nr: headers, end of headers and body unanswered");
    add("like", options::value<std::vector<std::string>>()->multitoken(),
        "STEPS ACTIONS: ask for exactly this, in numbers; instead of --stages and --flags");
    add("macros", options::value<std::vector<std::string>>(),
        "STAGE=LIST: ask for these macros (connect helo mail rcpt data eoh eom); repeatable");
    return all;
}

Wanted wantedBy(const options::variables_map& given) {
    Wanted result;
    if (given.count("stages") != 0)
        result.steps = stepsFor(given["stages"].as<std::string>());
    if (given.count("flags") != 0) {
        if (given["flags"].as<std::string>() != "nr")
            giveUp("--flags knows nr only");
        result.steps |= steps::silentHeader | steps::silentEndOfHeaders | steps::silentBody;
    }
    if (given.count("like") != 0) {
        const auto& numbers = given["like"].as<std::vector<std::string>>();
        if (numbers.size() != 2)
            giveUp("--like takes two numbers");
        result.steps = parseFlags(numbers[0]);
        result.actions = parseFlags(numbers[1]);
    }
    if (given.count("macros") != 0) {
        for (const auto& text : given["macros"].as<std::vector<std::string>>())
            result.macros.push_back(parseMacros(text));
    }
    return result;
}

int run(int argc, char** argv) {
    const auto known = description();
    options::variables_map given;
    options::store(options::parse_command_line(argc, argv, known), given);
    if (given.count("help") != 0) {
        std::cout << known;
        return 0;
    }
    options::notify(given);
    wanted = wantedBy(given);
    registerCallbacks();
    listenOn(given["socket"].as<std::string>());
    std::cout << "ready" << std::endl; // whoever waits for it must see it now
    return smfi_main() == MI_SUCCESS ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    try {
        (void)std::signal(SIGPIPE, SIG_IGN);
        return run(argc, argv);
    } catch (const std::exception& problem) {
        std::cerr << "null-filter: " << problem.what() << '\n';
        return 2;
    }
}
