// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/dnsbl_answer.hh"

namespace sluice {

DnsblAnswer dnsblAnswerOf(const AddressAnswer* answer) {
    if (answer == nullptr)
        return {};
    switch (answer->status) {
    case AddressAnswer::Status::found:
        return {DnsblAnswer::Status::answered, answer->addresses};
    case AddressAnswer::Status::notFound:
        return {DnsblAnswer::Status::notListed, {}};
    case AddressAnswer::Status::failed:
        break;
    }
    return {};
}

} // namespace sluice
