// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "test/support/scratch_directory.hh"
#include "test/support/server_process.hh"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::test {

/// True as soon as the DNS server at this port of 127.0.0.1 answers about the name, whatever it
/// says; false when the process ends or is silent for too long.
bool waitForDns(ServerProcess& server, std::uint16_t port, std::string_view name);

/// rbldnsd with an IPv4 and an IPv6 list. TTLs are 1 s.
class Rbldnsd {
public:
    /// `entries` are lines of an ip4set and of an ip6trie. Fails the test when it does not come up.
    Rbldnsd(const std::string& zone, std::string_view ip4Entries, std::string_view ip6Entries = "");

    /// `127.0.0.1@PORT`
    [[nodiscard]] std::string address() const { return "127.0.0.1@" + std::to_string(port_); }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    /// Other IPv4 entries from now on; it takes them within a moment.
    void rewrite(std::string_view ip4Entries);

private:
    void write(std::string_view file, std::string_view entries) const;

    ScratchDirectory directory_;
    std::string zone_;
    std::uint16_t port_;
    std::unique_ptr<ServerProcess> process_;
};

/// unbound that asks a list's own server for the zone, as a resolver of a mail server would.
class UnboundServer {
public:
    UnboundServer(const std::string& zone, std::uint16_t listPort);

    [[nodiscard]] std::string address() const { return "127.0.0.1@" + std::to_string(port_); }

private:
    ScratchDirectory directory_;
    std::uint16_t port_;
    std::unique_ptr<ServerProcess> process_;
};

} // namespace sluice::test
