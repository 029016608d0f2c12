// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/tracking_log.hh"

#include "common/log.hh"
#include "common/text.hh"
#include "common/tracking_file_name.hh"
#include "milter/adapters/file_names.hh"
#include "milter/adapters/host_name.hh"
#include "milter/adapters/spool_file.hh"
#include "milter/adapters/tracking_file.hh"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <exception>
#include <filesystem>
#include <utility>

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// What waits for a slow disk.
constexpr std::size_t mostQueuedRecords = 65536;
constexpr std::size_t mostQueuedOctets = 32UL * 1024 * 1024;
/// Lines are written together that come within this time.
constexpr std::chrono::milliseconds gathering = 50ms;
constexpr std::size_t gatheredOctets = 256UL * 1024;
constexpr std::chrono::seconds finishPatience = 2s;
/// Trouble is told, and a file that could not be opened is tried, at most this often.
constexpr std::chrono::seconds complaintInterval = 60s;
constexpr std::chrono::seconds openInterval = 5s;
constexpr std::chrono::milliseconds memoryPatience = 100ms;

using Clock = std::chrono::steady_clock;

std::size_t sizeOf(const TrackingRecord& record) {
    std::size_t size = sizeof record + record.messageId.size() + record.rule.size() +
                       record.reply.size() + record.sender.size() + record.subject.size();
    for (const std::string& recipient : record.recipients)
        size += sizeof(std::string) + recipient.size();
    return size;
}

} // namespace

/// What the thread works on. It belongs to the thread as well, which may outlive the log while the
/// disk blocks.
class TrackingLog::Writer {
public:
    explicit Writer(const std::string& path) : path_(path), file_(path) {}

    Result<void> open() { return file_.open(localDay(std::chrono::system_clock::now())); }

    void enqueue(TrackingRecord&& record);
    void countDropped(std::uint64_t records) noexcept { dropped_ += records; }
    void reopen() {
        state_.lock()->reopen = true;
        work_.notify_one();
    }
    void run();
    /// False: it could not be done in time.
    bool finish(std::chrono::milliseconds patience);

    [[nodiscard]] std::uint64_t written() const { return written_; }
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

private:
    struct State {
        std::vector<TrackingRecord> records;
        std::size_t octets = 0;
        bool reopen = false;
        bool ending = false;
        bool finished = false;
    };

    /// Takes what is queued; false: there will be no more.
    bool next(std::vector<TrackingRecord>& records);
    void put(const std::vector<TrackingRecord>& records);
    void putLines(std::string_view lines, std::size_t count);
    bool ready();
    void complain(std::string_view trouble);

    const std::string path_;
    TrackingFile file_;
    Clock::time_point lastComplaint_;
    Clock::time_point lastOpen_;
    std::atomic<std::uint64_t> written_{0};
    std::atomic<std::uint64_t> dropped_{0};
    Locked<State> state_;
    std::condition_variable work_;
    std::condition_variable finished_;
};

void TrackingLog::Writer::enqueue(TrackingRecord&& record) {
    const std::size_t size = sizeOf(record);
    bool first = false;
    {
        auto state = state_.lock();
        if (state->records.size() >= mostQueuedRecords || state->octets + size > mostQueuedOctets) {
            ++dropped_;
            return;
        }
        first = state->records.empty();
        state->records.push_back(std::move(record));
        state->octets += size;
    }
    if (first) // the thread is awake already otherwise
        work_.notify_one();
}

bool TrackingLog::Writer::next(std::vector<TrackingRecord>& records) {
    bool reopen = false;
    {
        auto state = state_.lock();
        work_.wait(state.lock(),
                   [&] { return !state->records.empty() || state->reopen || state->ending; });
        if (!state->ending)
            work_.wait_for(state.lock(), gathering, [&] { return state->ending; });
        records.swap(state->records);
        state->octets = 0;
        reopen = std::exchange(state->reopen, false);
        if (records.empty() && state->ending)
            return false;
    }
    if (reopen) {
        file_.close();
        lastOpen_ = {};
    }
    return true;
}

void TrackingLog::Writer::run() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr); // signals are for the threads that know them
    std::vector<TrackingRecord> records;
    for (bool more = true; more;) {
        try {
            records.clear();
            more = next(records);
            put(records);
        } catch (const std::exception&) { // no memory
            countDropped(records.size());
            std::this_thread::sleep_for(memoryPatience);
        }
    }
    state_.lock()->finished = true;
    finished_.notify_all();
}

/// The file is open, and that of today.
bool TrackingLog::Writer::ready() {
    const CivilDay today = localDay(std::chrono::system_clock::now());
    if (file_.isOpen()) {
        if (const auto turned = file_.turnTo(today); !turned)
            complain(turned.error().message);
        return file_.isOpen();
    }
    if (Clock::now() - lastOpen_ < openInterval && lastOpen_ != Clock::time_point{})
        return false;
    lastOpen_ = Clock::now();
    const auto opened = file_.open(today);
    if (!opened)
        complain(opened.error().message);
    return file_.isOpen();
}

void TrackingLog::Writer::put(const std::vector<TrackingRecord>& records) {
    std::string lines;
    std::size_t count = 0;
    for (const TrackingRecord& record : records) {
        lines.append(formatTracking(record)).append("\n");
        ++count;
        if (lines.size() < gatheredOctets)
            continue;
        putLines(lines, count);
        lines.clear();
        count = 0;
    }
    putLines(lines, count);
}

void TrackingLog::Writer::putLines(std::string_view lines, std::size_t count) {
    std::string trouble;
    const std::size_t done = ready() && count > 0 ? file_.append(lines, trouble) : 0;
    written_ += done;
    dropped_ += count - done;
    if (!trouble.empty())
        complain(path_ + ": " + trouble);
}

void TrackingLog::Writer::complain(std::string_view trouble) {
    const auto now = Clock::now();
    if (lastComplaint_ != Clock::time_point{} && now - lastComplaint_ < complaintInterval)
        return;
    lastComplaint_ = now;
    log::error(LogCategory::daemon, "tracking log: {}; lines dropped so far: {}",
               escapeForDisplay(trouble), dropped_.load());
}

bool TrackingLog::Writer::finish(std::chrono::milliseconds patience) {
    auto state = state_.lock();
    state->ending = true;
    work_.notify_one();
    return finished_.wait_for(state.lock(), patience, [&] { return state->finished; });
}

TrackingLog::TrackingLog(TrackingSettings settings)
    : settings_(std::move(settings)),
      node_(systemHostName()),
      writer_(std::make_shared<Writer>(settings_.path)) {}

Result<std::shared_ptr<TrackingLog>> TrackingLog::open(TrackingSettings settings) {
    std::shared_ptr<TrackingLog> log(new TrackingLog(std::move(settings)));
    if (auto opened = log->writer_->open(); !opened)
        return tl::unexpected(opened.error());
    log->thread_ = std::thread([writer = log->writer_] { writer->run(); });
    return log;
}

void TrackingLog::finish() {
    if (!thread_.joinable())
        return;
    if (writer_->finish(finishPatience))
        thread_.join();
    else
        thread_.detach();
}

void TrackingLog::write(TrackingRecord record) noexcept {
    try {
        record.node = node_;
        if (record.time == std::chrono::system_clock::time_point{})
            record.time = std::chrono::system_clock::now();
        writer_->enqueue(std::move(record));
    } catch (const std::exception&) {
        writer_->countDropped(1);
    }
}

void TrackingLog::reopen() {
    writer_->reopen();
}

void TrackingLog::expire() const {
    const std::filesystem::path path(settings_.path);
    const int oldest = static_cast<int>(localDay(std::chrono::system_clock::now())) -
                       static_cast<int>(settings_.days);
    const std::string folder = path.has_parent_path() ? path.parent_path().native() : ".";
    const std::string base = path.filename().native();
    const auto looked = forEachFileName(folder, [&](std::string_view each) {
        const auto name = parseTrackingFileName(each, base);
        if (!name || static_cast<int>(name->day) >= oldest)
            return;
        const std::string file = fmt::format("{}/{}", folder, each);
        if (::unlink(file.c_str()) != 0 && errno != ENOENT)
            log::warning(LogCategory::daemon, "tracking log: {}",
                         failBySystem(escapeForDisplay(file)).value().message);
    });
    if (!looked)
        log::warning(LogCategory::daemon, "tracking log: {}",
                     escapeForDisplay(looked.error().message));
}

std::uint64_t TrackingLog::written() const {
    return writer_->written();
}

std::uint64_t TrackingLog::dropped() const {
    return writer_->dropped();
}

} // namespace sluice
