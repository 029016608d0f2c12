// SPDX-License-Identifier: BSD-2-Clause
#include "test/bench/load_letter.hh"

#include <fmt/format.h>

namespace sluice::bench {
namespace {

constexpr std::uint32_t firstClient = 0xc6120000; // 198.18.0.0
constexpr std::uint64_t clientRange = 1U << 17U;

std::string address(std::string_view local, std::uint64_t number, std::string_view domain) {
    return fmt::format("{}{}@{}", local, number, domain);
}

/// A number as a word, of letters that are no digits in hexadecimal either: mail of people has
/// different subjects, not one whose numbers differ.
std::string word(std::string number) {
    for (char& digit : number)
        digit = static_cast<char>(digit - '0' + 'g');
    return number;
}

std::string withoutBrackets(const std::string& path) {
    return path.substr(1, path.size() - 2);
}

} // namespace

Letter makeLetter(const LoadPlan& plan, std::uint64_t number) {
    Letter letter;
    letter.queueId = fmt::format("{:010X}", number);
    const auto sender = address("sender", number % plan.senders, plan.senderDomain);
    letter.sender = '<' + sender + '>';
    const auto first = number * plan.recipientsAMessage;
    for (unsigned i = 0; i < plan.recipientsAMessage; ++i)
        letter.recipients.push_back(
            '<' + address("user", (first + i) % plan.recipients, plan.recipientDomain) + '>');
    letter.headers = {
        {"Received", fmt::format("from client.example ([198.18.0.1])\n\tby mx.{} with ESMTP id {}",
                                 plan.recipientDomain, letter.queueId)},
        {"Date", "Mon, 02 Feb 2026 10:00:00 +0000"},
        {"From", fmt::format("Sender <{}>", sender)},
        {"To", letter.recipients.front()},
        {"Subject", fmt::format("message {} {}", word(plan.run), word(std::to_string(number)))},
        {"Message-ID", fmt::format("<{}.{}@{}>", plan.run, number, plan.senderDomain)},
        {"MIME-Version", "1.0"},
        {"Content-Type", "text/plain; charset=utf-8"},
    };
    return letter;
}

std::string makeBody(std::size_t size) {
    constexpr std::string_view line =
        "Nothing in this text matters; it stands here to be carried, line by line.\r\n";
    std::string body;
    body.reserve(size + line.size());
    while (body.size() < size)
        body += line;
    body.resize(size);
    return body;
}

std::string clientAddress(const LoadPlan& plan, std::uint64_t connection) {
    const auto bits =
        firstClient + static_cast<std::uint32_t>(connection % plan.clients % clientRange);
    return fmt::format("{}.{}.{}.{}", bits >> 24U, (bits >> 16U) & 0xffU, (bits >> 8U) & 0xffU,
                       bits & 0xffU);
}

mta::MilterClient::MacroValues connectMacros(const std::string& address) {
    return {{"j", "mx.test.example"},
            {"v", "load"},
            {"daemon_name", "mx"},
            {"daemon_addr", "127.0.0.1"},
            {"daemon_port", "25"},
            {"client_addr", address},
            {"client_name", "client.example"},
            {"client_port", "40000"},
            {"client_ptr", "client.example"},
            {"client_resolve", "OK"}};
}

mta::MilterClient::MacroValues mailMacros(const Letter& letter) {
    return {{"i", letter.queueId},
            {"mail_addr", withoutBrackets(letter.sender)},
            {"mail_host", "sender.example"},
            {"mail_mailer", "smtp"}};
}

mta::MilterClient::MacroValues recipientMacros(const Letter& letter, const std::string& recipient) {
    return {{"i", letter.queueId},
            {"rcpt_addr", withoutBrackets(recipient)},
            {"rcpt_host", "test.example"},
            {"rcpt_mailer", "local"}};
}

mta::MilterClient::MacroValues messageMacros(const Letter& letter) {
    return {{"i", letter.queueId}};
}

} // namespace sluice::bench
