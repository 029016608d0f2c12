// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/host_name.hh"

#include <unistd.h>

#include <algorithm>
#include <array>

namespace sluice {

namespace {

bool mayStandInHostName(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-';
}

} // namespace

std::string systemHostName() {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0 || name.front() == '\0')
        return "localhost";
    std::string host(name.data());
    std::replace_if(
        host.begin(), host.end(), [](char c) { return !mayStandInHostName(c); }, '-');
    return host;
}

} // namespace sluice
