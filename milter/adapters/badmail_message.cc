// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/badmail_message.hh"

#include "common/size.hh"
#include "common/timestamp.hh"
#include "milter/adapters/spool_file.hh"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {
namespace {

using std::chrono::system_clock;

/// Header lines come one by one: they are written in pieces of about this size.
constexpr std::size_t bufferSize = 16UL * 1024;

bool mayStandInHostName(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-';
}

std::string hostName() {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0)
        return "localhost";
    std::string host(name.data());
    std::replace_if(
        host.begin(), host.end(), [](char c) { return !mayStandInHostName(c); }, '-');
    return host;
}

/// As Maildir makes its names: time, process, counter, host. The random number is for containers,
/// where each process has the same id, and for clocks that are set back.
std::string uniqueName() {
    static std::atomic<std::uint64_t> counter{0};
    static const std::string host = hostName();
    constexpr int perSecond = 1'000'000;
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
        system_clock::now().time_since_epoch());
    std::uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random))
        random = 0;
    return fmt::format("{}.M{:06}P{}R{:016x}Q{}.{}", now.count() / perSecond,
                       now.count() % perSecond, getpid(), random, ++counter, host);
}

std::string quoted(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string quotedList(const std::vector<std::string>& texts) {
    std::string list;
    for (const std::string& text : texts)
        list += fmt::format("{}\n    {}", list.empty() ? "" : ",", quoted(text));
    return list.empty() ? "[]" : '[' + list + "\n  ]";
}

/// Each text by itself: the destructor of a JSON object or array needs memory, and without it ends
/// the process.
std::string sidecarText(const BadmailEnvelope& envelope, const std::string& file,
                        std::uint64_t size) {
    const std::string time =
        envelope.time.empty() ? formatTimestamp(system_clock::now()) : envelope.time;
    std::string text = "{\n";
    const auto add = [&](std::string_view name, const std::string& value) {
        text += fmt::format("  \"{}\": {},\n", name, value);
    };
    add("time", quoted(time));
    add("queueId", quoted(envelope.queueId));
    add("clientAddress", quoted(envelope.clientAddress));
    add("clientName", quoted(envelope.clientName));
    add("helo", quoted(envelope.helo));
    add("sender", quoted(envelope.sender));
    add("recipients", quotedList(envelope.recipients));
    add("rule", quoted(envelope.rule));
    add("size", std::to_string(size));
    return text + "  \"file\": " + quoted(file) + "\n}\n";
}

class MaildirMessage : public BadmailMessage {
public:
    explicit MaildirMessage(std::shared_ptr<BadmailPlace> place);
    MaildirMessage(const MaildirMessage&) = delete;
    MaildirMessage& operator=(const MaildirMessage&) = delete;
    ~MaildirMessage() override { end(false); }

    void append(std::string_view octets) noexcept override;
    Result<std::string> commit(const BadmailEnvelope& envelope) noexcept override;

private:
    /// Takes the step, unless error_ says that there is nothing to do any more. When it fails the
    /// message is over, and error_ says why.
    template<typename Step>
    void attempt(Step step) noexcept;
    Result<void> createFile();
    Result<void> take(std::string_view octets);
    Result<void> flush();
    Result<void> reserve(std::uint64_t octets);
    Result<void> store(const BadmailEnvelope& envelope, const std::string& path);
    Result<SpoolFile> writeSidecar(const BadmailEnvelope& envelope);
    Result<void> publish(SpoolFile& sidecar, const std::string& path);
    /// Leaves the account, and removes the file unless it was kept.
    void end(bool stored) noexcept;

    const std::shared_ptr<BadmailPlace> place_;
    const std::string name_;
    bool entered_ = false;          ///< in the account of the place
    std::optional<SpoolFile> file_; ///< while the message is being written
    std::string buffer_;            ///< not yet in the file
    std::uint64_t size_ = 0;
    std::uint64_t reserved_ = 0;
    std::optional<Error> error_;
};

MaildirMessage::MaildirMessage(std::shared_ptr<BadmailPlace> place)
    : place_(std::move(place)), name_(uniqueName()) {
    attempt([this] { return createFile(); });
}

template<typename Step>
void MaildirMessage::attempt(Step step) noexcept {
    if (error_)
        return;
    try {
        if (auto done = step(); !done)
            error_ = std::move(done.error());
    } catch (const std::bad_alloc&) {
        error_ = Error{"out of memory"}; // short enough to need none
    } catch (const std::exception& e) {
        error_ = Error{e.what()};
    }
    if (error_)
        end(false);
}

Result<void> MaildirMessage::createFile() {
    place_->usage.enter(name_);
    entered_ = true;
    auto file =
        SpoolFile::create(BadmailPlace::path(place_->tmp, name_, BadmailPlace::messageSuffix));
    if (!file)
        return tl::unexpected(file.error());
    file_.emplace(std::move(*file));
    return {};
}

void MaildirMessage::append(std::string_view octets) noexcept {
    attempt([&] { return take(octets); });
}

Result<void> MaildirMessage::take(std::string_view octets) {
    if (auto reserved = reserve(octets.size()); !reserved)
        return reserved;
    size_ += octets.size();
    if (buffer_.size() + octets.size() > bufferSize)
        if (auto flushed = flush(); !flushed)
            return flushed;
    if (octets.size() > bufferSize)
        return file_->write(octets);
    buffer_.append(octets);
    return {};
}

Result<void> MaildirMessage::flush() {
    auto written = file_->write(buffer_);
    buffer_.clear();
    return written;
}

Result<void> MaildirMessage::reserve(std::uint64_t octets) {
    if (!place_->usage.reserve(octets))
        return fail(fmt::format("{}: the quota of {} is used up", place_->settings.directory,
                                formatSize(place_->settings.quota)));
    reserved_ += octets;
    return {};
}

Result<std::string> MaildirMessage::commit(const BadmailEnvelope& envelope) noexcept {
    std::string path;
    attempt([&] {
        path = BadmailPlace::path(place_->stored, name_, BadmailPlace::messageSuffix);
        return store(envelope, path);
    });
    // what is left behind is for those who call once more, and short enough to need no memory
    if (error_)
        return tl::unexpected(std::exchange(*error_, Error{"not stored"}));
    error_ = Error{"already stored"};
    return Result<std::string>(std::move(path)); // a copy would need memory
}

Result<void> MaildirMessage::store(const BadmailEnvelope& envelope, const std::string& path) {
    auto written = flush().and_then([this] { return file_->sync(); });
    if (!written)
        return written;
    auto sidecar = writeSidecar(envelope);
    if (!sidecar)
        return tl::unexpected(sidecar.error());
    if (auto published = publish(*sidecar, path); !published) {
        file_->remove(); // before its sidecar
        return published;
    }
    sidecar->keep();
    end(true);
    return {};
}

Result<SpoolFile> MaildirMessage::writeSidecar(const BadmailEnvelope& envelope) {
    const std::string text =
        sidecarText(envelope, name_ + std::string(BadmailPlace::messageSuffix), size_);
    if (auto reserved = reserve(text.size()); !reserved)
        return tl::unexpected(reserved.error());
    auto file =
        SpoolFile::create(BadmailPlace::path(place_->tmp, name_, BadmailPlace::sidecarSuffix));
    if (!file)
        return file;
    auto written = file->write(text).and_then([&] { return file->sync(); });
    if (!written)
        return tl::unexpected(written.error());
    return file;
}

Result<void> MaildirMessage::publish(SpoolFile& sidecar, const std::string& path) {
    return sidecar.moveTo(BadmailPlace::path(place_->stored, name_, BadmailPlace::sidecarSuffix))
        .and_then([&] { return file_->moveTo(path); })
        .and_then([this] { return syncDirectory(place_->stored); });
}

void MaildirMessage::end(bool stored) noexcept {
    if (!std::exchange(entered_, false))
        return;
    if (file_ && stored)
        file_->keep();
    file_.reset();
    buffer_ = std::string();
    place_->usage.leave(name_, reserved_, stored);
}

} // namespace

std::string BadmailPlace::path(const std::string& directory, std::string_view name,
                               std::string_view suffix) {
    return fmt::format("{}/{}{}", directory, name, suffix);
}

std::unique_ptr<BadmailMessage> beginBadmailMessage(std::shared_ptr<BadmailPlace> place) {
    return std::make_unique<MaildirMessage>(std::move(place));
}

} // namespace sluice
