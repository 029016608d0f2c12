// SPDX-License-Identifier: BSD-2-Clause
#include "test/fuzz/fake_services.hh"

#include "common/log.hh"
#include "milter/adapters/notifier_smtp.hh"
#include "milter/adapters/tracking_log.hh"
#include "milter/dnsbl_service.hh"
#include "test/fuzz/fuzz_support.hh"
#include "test/support/failing_memory.hh"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

constexpr std::chrono::hours atBeginning{1000};

std::chrono::steady_clock::time_point steadyTime{atBeginning};
std::string zoneAnswers;
bool badmailFails = false;
std::uint32_t unknownRecipients = 0;

bool isPlain(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](unsigned char c) { return c >= ' ' && c != 0x7f; });
}

class FakeBadmailMessage : public BadmailMessage {
public:
    void append(std::string_view octets) noexcept override { size_ += octets.size(); }
    Result<std::string> commit(const BadmailEnvelope&) noexcept override {
        const test::WithMemory memory;
        if (badmailFails)
            return fail("no space");
        fuzz::require(size_ >= 2);
        return std::string("/badmail/new/1.eml");
    }

private:
    std::size_t size_ = 0;
};

class FakeBadmailStore : public BadmailStore {
public:
    std::unique_ptr<BadmailMessage> begin() override {
        return std::make_unique<FakeBadmailMessage>();
    }
    void expire() noexcept override {}
    void refresh() noexcept override {}
    Result<void> reopen() override { return {}; }
};

class FakeHarvestCounter : public HarvestCounter {
public:
    std::uint32_t countUnknown(const IpAddress&, SteadyTime) noexcept override {
        return ++unknownRecipients;
    }
};

DnsblAnswer dnsblAnswer(char shown) {
    using Status = DnsblAnswer::Status;
    switch (shown) {
    case '.':
        return {Status::notListed, {}};
    case '?':
        return {Status::unknown, {}};
    case 's':
        return {Status::suspended, {}};
    default:
        return {Status::answered, {0x7f000000U + static_cast<unsigned char>(shown - '0')}};
    }
}

class FakeDnsblAnswers : public DnsblAnswers {
public:
    explicit FakeDnsblAnswers(std::string answers) : answers_(std::move(answers)) {}
    DnsblAnswer answer(std::size_t zone) override {
        return answers_.empty() ? DnsblAnswer{} : dnsblAnswer(answers_[zone % answers_.size()]);
    }

private:
    std::string answers_;
};

} // namespace

namespace fuzz {

void resetServices() {
    steadyTime = std::chrono::steady_clock::time_point(atBeginning);
    zoneAnswers.clear();
    badmailFails = false;
    unknownRecipients = 0;
}

void letPass(std::chrono::seconds time) {
    steadyTime += time;
}

void setDnsblAnswers(std::string answers) {
    zoneAnswers = std::move(answers);
}

void setBadmailFails(bool fails) {
    badmailFails = fails;
}

std::shared_ptr<BadmailStore> fakeBadmailStore() {
    return std::make_shared<FakeBadmailStore>();
}

std::shared_ptr<HarvestCounter> fakeHarvestCounter() {
    return std::make_shared<FakeHarvestCounter>();
}

} // namespace fuzz

// --- DNS ----------------------------------------------------------------------------------------

class DnsblService::Impl {};

DnsblService::DnsblService(std::shared_ptr<BlockedCallbacks>, const SelfTestSchedule&) {}
DnsblService::~DnsblService() = default;

std::unique_ptr<DnsblAnswers> DnsblService::start(std::shared_ptr<const DnsblRules> rules,
                                                  const IpAddress&,
                                                  std::chrono::milliseconds) noexcept {
    const test::WithMemory memory;
    fuzz::require(rules && !rules->empty());
    return std::make_unique<FakeDnsblAnswers>(zoneAnswers);
}

// --- notices ------------------------------------------------------------------------------------

SmtpNotifier::SmtpNotifier(const NotifierTimes& times) : times_(times) {}
SmtpNotifier::~SmtpNotifier() = default;

bool SmtpNotifier::send(const Notice& notice) noexcept {
    const test::WithMemory memory;
    const std::string message = noticeMessage(notice, {"mx.a.example", "1", {}});
    for (std::size_t at = message.find('\r'); at != message.npos; at = message.find('\r', at + 1))
        fuzz::require(message.substr(at, 2) == "\r\n");
    fuzz::require(message.find('\0') == message.npos && message.ends_with("\r\n"));
    return true;
}

// --- the tracking log ---------------------------------------------------------------------------

class TrackingLog::Writer {};

TrackingLog::TrackingLog(TrackingSettings settings) : settings_(std::move(settings)) {}

Result<std::shared_ptr<TrackingLog>> TrackingLog::open(TrackingSettings settings) {
    return std::shared_ptr<TrackingLog>(new TrackingLog(std::move(settings)));
}

void TrackingLog::write(TrackingRecord record) noexcept {
    const test::WithMemory memory;
    const std::string line = formatTracking(record);
    fuzz::require(isPlain(line) && line.size() <= maxTrackingLine);
    fuzz::require(parseTracking(line).has_value());
}

void TrackingLog::finish() {}

// --- the log ------------------------------------------------------------------------------------

namespace log {

bool enabled(LogCategory, LogLevel) {
    return true;
}

void write(LogCategory, LogLevel, std::string line) {
    fuzz::require(isPlain(line));
}

void countLost() noexcept {}

} // namespace log
} // namespace sluice

// --- the clock ----------------------------------------------------------------------------------

/// In place of the C++ library's.
std::chrono::steady_clock::time_point std::chrono::steady_clock::now() noexcept {
    return sluice::steadyTime;
}
