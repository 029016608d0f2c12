// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/control_call.hh"

#include "common/descriptor.hh"
#include "common/line_io.hh"
#include "common/text.hh"

#include <fmt/ostream.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>

#include <cerrno>
#include <cstring>

namespace sluice::ctl {
namespace {

Result<Descriptor> connectTo(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return fail(quoteForDisplay(path) + " is too long for a socket");
    path.copy(address.sun_path, path.size());
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), // NOLINT
                  sizeof address) != 0)
        return fail(fmt::format("no filter answers at {}: {} (its option control opens a socket)",
                                escapeForDisplay(path), std::strerror(errno)));
    return socket;
}

/// A reload reads large tables.
constexpr std::chrono::minutes longestWork{5};

Result<control::Reply> exchange(const std::string& path, const control::Request& request) {
    const auto socket = connectTo(path);
    if (!socket)
        return tl::unexpected(socket.error());
    const std::string line = control::textOf(request) + '\n';
    if (auto sent = writeAll(socket->get(), line, control::patience); !sent)
        return tl::unexpected(sent.error());
    const auto reply = readLine(socket->get(), control::longestReply, longestWork);
    if (!reply)
        return tl::unexpected(reply.error());
    return control::parseReply(*reply);
}

} // namespace

Result<ControlWords> controlWords(const std::vector<std::string>& arguments) {
    constexpr std::string_view withPath = "--control=";
    ControlWords found;
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        const std::string& word = arguments[at];
        if (word == "--json")
            found.json = true;
        else if (word == "--control" && at + 1 < arguments.size())
            found.path = arguments[++at];
        else if (word == "--control")
            return fail("--control needs the path of a socket");
        else if (word.starts_with(withPath))
            found.path = word.substr(withPath.size());
        else if (word.starts_with('-') && word != "--all")
            return fail(quoteForDisplay(word) + " is no option");
        else
            found.words.push_back(word);
    }
    return found;
}

int ask(std::string_view command, const std::string& path, const control::Request& request,
        int refused, nlohmann::json& result, std::ostream& err) {
    const auto reply = exchange(path, request);
    if (!reply) {
        fmt::print(err, "sluicectl {}: {}\n", command, reply.error().message);
        return EX_UNAVAILABLE;
    }
    if (!reply->error.empty()) {
        for (const std::string_view line : split(reply->error, '\n'))
            fmt::print(err, "sluicectl {}: {}\n", command, escapeForDisplay(line));
        return refused;
    }
    result = reply->result;
    return EX_OK;
}

std::string roughly(std::int64_t seconds) {
    constexpr std::int64_t minute = 60;
    constexpr std::int64_t hour = 60 * minute;
    constexpr std::int64_t day = 24 * hour;
    if (seconds >= 2 * day)
        return fmt::format("{}d", seconds / day);
    if (seconds >= 2 * hour)
        return fmt::format("{}h", seconds / hour);
    if (seconds >= 2 * minute)
        return fmt::format("{}m", seconds / minute);
    return fmt::format("{}s", seconds);
}

} // namespace sluice::ctl
