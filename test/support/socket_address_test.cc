// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/socket_address.hh"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace sluice::mta {
namespace {

TEST_CASE("socket address: what is none") {
    const std::string tooLong = "unix:/" + std::string(200, 'x');
    for (const std::string_view bad :
         {std::string_view(""), std::string_view("/run/x"), std::string_view("unix:"),
          std::string_view(tooLong), std::string_view("inet:25"),
          std::string_view("inet:@127.0.0.1"), std::string_view("inet:0@127.0.0.1"),
          std::string_view("inet:65536@127.0.0.1"), std::string_view("inet:2 5@127.0.0.1"),
          std::string_view("inet:25@"), std::string_view("inet:25@::1"),
          std::string_view("inet6:25@127.0.0.1"), std::string_view("inet:25@mail.example.org"),
          std::string_view("tcp:25@127.0.0.1")}) {
        CAPTURE(bad);
        const auto address = SocketAddress::parse(bad);
        REQUIRE_FALSE(address.has_value());
        CHECK(address.error().kind == Trouble::Kind::usage);
    }
}

TEST_CASE("socket address: the forms of libmilter") {
    struct Row {
        std::string_view text;
        int family;
    };
    const Row rows[] = {
        {"unix:/run/filter.sock", AF_UNIX}, {"local:/run/filter.sock", AF_UNIX},
        {"inet:8890@127.0.0.1", AF_INET},   {"inet:8890@localhost", AF_INET},
        {"inet6:8890@::1", AF_INET6},       {"inet6:8890@localhost", AF_INET6},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        const auto address = SocketAddress::parse(row.text);
        REQUIRE(address.has_value());
        CHECK(address->family() == row.family);
        CHECK(address->get()->sa_family == row.family);
    }
}

} // namespace
} // namespace sluice::mta
