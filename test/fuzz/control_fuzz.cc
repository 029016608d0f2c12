// SPDX-License-Identifier: BSD-2-Clause
// What comes in by the control socket, on either side.

#include "common/control_protocol.hh"
#include "test/fuzz/fuzz_support.hh"

using namespace sluice;

int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    const std::string_view text = fuzz::textOf(octets, size);
    if (const auto request = control::parseRequest(text)) {
        const auto again = control::parseRequest(control::textOf(*request));
        fuzz::require(again && *again == *request);
    }
    static_cast<void>(control::parseReply(text));
    fuzz::require(control::disarm(control::armour(text)).value() == text);
    if (const auto disarmed = control::disarm(text))
        fuzz::require(control::disarm(control::armour(*disarmed)).value() == *disarmed);
    return 0;
}
