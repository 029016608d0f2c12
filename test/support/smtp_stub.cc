// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/smtp_stub.hh"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::test {

namespace {

constexpr std::chrono::seconds patience{20};

/// The socket calls want another pointer type than the one the address has.
sockaddr* generic(sockaddr_in& address) {
    void* const pointer = &address;
    return static_cast<sockaddr*>(pointer);
}

} // namespace

SmtpStub::SmtpStub(Script script) : script_(std::move(script)) {
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof own;
    wakeUp_ = eventfd(0, EFD_CLOEXEC);
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(listener_, generic(own), length) == 0);
    REQUIRE(listen(listener_, SOMAXCONN) == 0);
    REQUIRE(getsockname(listener_, generic(own), &length) == 0);
    port_ = ntohs(own.sin_port);
    thread_ = std::thread([this] { run(); });
}

SmtpStub::~SmtpStub() {
    eventfd_write(wakeUp_, 1);
    thread_.join();
    close(listener_);
    close(wakeUp_);
}

std::string SmtpStub::address() const {
    return "127.0.0.1:" + std::to_string(port_);
}

bool SmtpStub::waitForMails(std::size_t count) {
    return waitUntil([&] { return taken_.size() >= count; });
}

bool SmtpStub::waitForCommand(std::string_view verb, std::size_t count) {
    return waitUntil([&] {
        return static_cast<std::size_t>(std::count(verbs_.begin(), verbs_.end(), verb)) >= count;
    });
}

bool SmtpStub::waitUntil(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, condition);
}

std::vector<SmtpMail> SmtpStub::mails() {
    const std::lock_guard guard(mutex_);
    return taken_;
}

unsigned SmtpStub::connections() {
    const std::lock_guard guard(mutex_);
    return connections_;
}

void SmtpStub::run() {
    while (waitReadable(listener_)) {
        client_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client_ < 0)
            continue;
        input_.clear();
        {
            const std::lock_guard guard(mutex_);
            ++connections_;
        }
        serve();
        close(std::exchange(client_, -1));
    }
}

void SmtpStub::serve() {
    if (!reply("CONNECT", "220 stub ESMTP"))
        return;
    while (const auto line = readLine())
        if (!handle(*line))
            return;
}

/// False: the connection ends.
bool SmtpStub::handle(const std::string& line) {
    const std::string verb = line.substr(0, 4);
    record(line);
    if (verb == "DATA")
        return reply(verb, "354 go on") && (scripted(verb) || takeData());
    if (verb == "EHLO")
        return reply(verb, "250-stub\r\n250 SIZE 1000000");
    if (verb == "QUIT")
        return reply(verb, "221 bye") && scripted(verb);
    return reply(verb, "250 fine");
}

void SmtpStub::record(const std::string& line) {
    const std::string argument = line.size() > 5 ? line.substr(5) : "";
    if (line.starts_with("EHLO"))
        mail_ = {argument, "", {}, ""};
    else if (line.starts_with("MAIL"))
        mail_.from = argument;
    else if (line.starts_with("RCPT"))
        mail_.recipients.push_back(argument);
}

bool SmtpStub::takeData() {
    mail_.data.clear();
    while (const auto line = readLine()) {
        if (*line != ".") {
            mail_.data += line->substr(line->starts_with('.') ? 1 : 0) + "\r\n";
            continue;
        }
        if (!scripted(".")) {
            const std::lock_guard guard(mutex_);
            taken_.push_back(mail_);
        }
        return reply(".", "250 taken");
    }
    return false;
}

void SmtpStub::note(std::string_view verb) {
    {
        const std::lock_guard guard(mutex_);
        verbs_.emplace_back(verb);
    }
    changed_.notify_all();
}

/// True: the reply is another one than the usual.
bool SmtpStub::scripted(std::string_view verb) {
    return script_ && script_(verb, connections()).has_value();
}

/// False: the client is gone.
bool SmtpStub::reply(std::string_view verb, std::string_view usual) {
    const auto told = script_ ? script_(verb, connections()) : std::nullopt;
    const std::string text = told.value_or(std::string(usual));
    const std::string octets = text.empty() ? "" : text + "\r\n";
    const auto sent = send(client_, octets.data(), octets.size(), MSG_NOSIGNAL);
    note(verb);
    return sent == static_cast<ssize_t>(octets.size());
}

std::optional<std::string> SmtpStub::readLine() {
    std::size_t end = 0;
    while ((end = input_.find("\r\n")) == std::string::npos) {
        std::array<char, 4096> piece{};
        const ssize_t got =
            waitReadable(client_) ? recv(client_, piece.data(), piece.size(), 0) : 0;
        if (got <= 0)
            return std::nullopt;
        input_.append(piece.data(), static_cast<std::size_t>(got));
    }
    std::string line = input_.substr(0, end);
    input_.erase(0, end + 2);
    return line;
}

/// False: the stub is to stop.
bool SmtpStub::waitReadable(int descriptor) const {
    std::array<pollfd, 2> watched{{{descriptor, POLLIN, 0}, {wakeUp_, POLLIN, 0}}};
    while (poll(watched.data(), watched.size(), -1) < 0)
        continue;
    return watched[1].revents == 0;
}

} // namespace sluice::test
