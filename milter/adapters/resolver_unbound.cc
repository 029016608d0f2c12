// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/resolver_unbound.hh"

#include "common/duration.hh"
#include "common/log.hh"
#include "milter/adapters/answer_cache.hh"
#include "milter/adapters/unbound_context.hh"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

namespace sluice {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Answer = std::shared_ptr<const AddressAnswer>;

constexpr std::size_t answersKept = 65536;
constexpr std::size_t fewestQuestions = 16;
/// Of one answer; lists send a few, and no one may fill the memory with one.
constexpr std::size_t mostAddresses = 64;
constexpr std::chrono::seconds shortestTtl = 1s;
constexpr std::chrono::seconds longestTtl = 3600s;
constexpr std::chrono::seconds failureTtl = 5s;
/// Beyond the time-out after which nobody waits.
constexpr std::chrono::milliseconds grace = 1s;
/// Until then libunbound has answered or failed; a question that is older is taken for lost.
constexpr std::chrono::seconds lostAfter = 120s;
constexpr std::chrono::milliseconds sweepInterval = 250ms;

constexpr int typeA = 1;
constexpr int classIn = 1;

Answer failedAnswer(std::string why) {
    return std::make_shared<const AddressAnswer>(
        AddressAnswer{AddressAnswer::Status::failed, {}, std::move(why), {}});
}

/// An answer that was there at once.
class KnownAnswer final : public PendingAnswer {
public:
    explicit KnownAnswer(Answer answer) : answer_(std::move(answer)) {}
    Answer waitUntil(Clock::time_point /*deadline*/) noexcept override { return answer_; }

private:
    Answer answer_;
};

/// An answer that will come.
class Question final : public PendingAnswer {
public:
    Answer waitUntil(Clock::time_point deadline) noexcept override {
        std::unique_lock lock(mutex_);
        changed_.wait_until(lock, deadline, [this] { return answer_ != nullptr; });
        return answer_;
    }

    void settle(Answer answer) noexcept {
        {
            const std::lock_guard guard(mutex_);
            answer_ = std::move(answer);
        }
        changed_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    Answer answer_;
};

std::vector<std::uint32_t> addressesOf(const ub_result& result) {
    std::vector<std::uint32_t> addresses;
    for (std::size_t i = 0; result.data[i] != nullptr && addresses.size() < mostAddresses; ++i) {
        std::uint32_t networkOrder = 0;
        if (result.len[i] != static_cast<int>(sizeof networkOrder))
            continue;
        std::memcpy(&networkOrder, result.data[i], sizeof networkOrder);
        addresses.push_back(ntohl(networkOrder));
    }
    return addresses;
}

Answer answerOf(int error, const ub_result* result) {
    if (error != UB_NOERROR || result == nullptr)
        return failedAnswer(ub_strerror(error));
    if (result->havedata != 0)
        if (auto addresses = addressesOf(*result); !addresses.empty())
            return std::make_shared<const AddressAnswer>(AddressAnswer{
                AddressAnswer::Status::found, std::move(addresses), {}, Clock::now()});
    constexpr int noError = 0;
    if (result->nxdomain != 0 || result->rcode == noError)
        return std::make_shared<const AddressAnswer>(
            AddressAnswer{AddressAnswer::Status::notFound, {}, {}, Clock::now()});
    return failedAnswer(std::string(responseCodeName(result->rcode)));
}

std::chrono::seconds lifeOf(const AddressAnswer& answer, const ub_result* result) {
    if (answer.status == AddressAnswer::Status::failed || result == nullptr)
        return failureTtl;
    return std::clamp(std::chrono::seconds(result->ttl), shortestTtl, longestTtl);
}

struct ResultFree {
    void operator()(ub_result* result) const { ub_resolve_free(result); }
};
using UnboundResult = std::unique_ptr<ub_result, ResultFree>;

/// An eventfd that makes the thread look up from its poll().
class Bell {
public:
    Bell() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        if (descriptor_ < 0)
            throw std::system_error(errno, std::generic_category(), "eventfd");
    }
    ~Bell() { close(descriptor_); }
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;

    void ring() noexcept { eventfd_write(descriptor_, 1); }
    void silence() noexcept {
        eventfd_t count = 0;
        eventfd_read(descriptor_, &count);
    }
    [[nodiscard]] int descriptor() const { return descriptor_; }

private:
    int descriptor_;
};

/// libunbound's own threaded mode frees nothing when a question is cancelled: it works on until it
/// has an answer. So a question that nobody waits for any more keeps its place, counts as under
/// way, and its late answer is kept; ub_cancel() is only for those that it seems to have lost.
class UnboundResolver final : public Resolver {
public:
    UnboundResolver(UnboundContext context, std::chrono::milliseconds timeout, std::size_t limit)
        : timeout_(timeout),
          limit_(limit),
          noMemory_(std::make_shared<KnownAnswer>(failedAnswer("no memory"))),
          notTaken_(failedAnswer("libunbound did not take the question")),
          noAnswer_(failedAnswer("no answer in " + formatDuration(timeout + grace))),
          gone_(failedAnswer("the resolver has ended")),
          context_(std::move(context)),
          thread_([this] { run(); }) {}

    ~UnboundResolver() override {
        stopping_ = true;
        bell_.ring();
        thread_.join();
        context_.reset(); // from here on no callback comes
        for (auto& [name, ticket] : underWay_)
            if (ticket->question)
                ticket->question->settle(gone_);
    }
    UnboundResolver(const UnboundResolver&) = delete;
    UnboundResolver& operator=(const UnboundResolver&) = delete;

    std::shared_ptr<PendingAnswer> start(const std::string& name,
                                         Freshness freshness) noexcept override {
        try {
            return startOrThrow(name, freshness);
        } catch (...) {
            return noMemory_;
        }
    }

    [[nodiscard]] bool usable() const noexcept override { return !broken_; }

private:
    /// A question that libunbound has got. Taken out of underWay_ by the thread alone, except by
    /// ask() when libunbound did not take it: so the pointer that its callback gets stays good.
    struct Ticket {
        UnboundResolver* owner;
        std::string name;
        Clock::time_point asked;
        Clock::time_point deadline;         ///< of the question
        std::shared_ptr<Question> question; ///< null when nobody waits
        std::atomic<int> number{0};         ///< libunbound's; 0 until it is known
    };

    std::shared_ptr<PendingAnswer> startOrThrow(const std::string& name, Freshness freshness);
    void wait(Ticket& ticket, Clock::time_point now) const;
    void ask(Ticket& ticket) noexcept;
    static void deliver(void* ticket, int error, ub_result* result) noexcept;
    void finish(Ticket& ticket, const Answer& answer, std::chrono::seconds life) noexcept;
    void run() noexcept;
    int pollTimeout();
    void process() noexcept;
    void sweep(Clock::time_point now) noexcept;
    void giveUp(Ticket& ticket, Clock::time_point now) noexcept;
    void keep(const std::string& name, const Answer& answer, Clock::time_point until) noexcept;

    const std::chrono::milliseconds timeout_;
    const std::size_t limit_;
    const std::shared_ptr<PendingAnswer> noMemory_;
    const Answer notTaken_;
    const Answer noAnswer_;
    const Answer gone_;

    std::mutex mutex_; ///< of the next two, and of what a ticket says about its question
    std::unordered_map<std::string, std::shared_ptr<Ticket>> underWay_;
    AnswerCache cache_{answersKept};

    UnboundContext context_;
    Bell bell_;
    std::atomic<bool> stopping_{false};
    std::atomic<bool> broken_{false}; ///< libunbound's pipe is closed
    std::thread thread_;              ///< last: it uses all others
};

std::shared_ptr<PendingAnswer> UnboundResolver::startOrThrow(const std::string& name,
                                                             Freshness freshness) {
    const auto now = Clock::now();
    std::shared_ptr<Ticket> ticket;
    std::shared_ptr<Question> question;
    {
        const std::lock_guard guard(mutex_);
        if (freshness == Freshness::cached)
            if (auto answer = cache_.find(name, now))
                return std::make_shared<KnownAnswer>(std::move(answer));
        if (const auto same = underWay_.find(name); same != underWay_.end()) {
            wait(*same->second, now);
            return same->second->question;
        }
        if (underWay_.size() >= limit_)
            return std::make_shared<KnownAnswer>(failedAnswer("too many questions under way"));
        ticket = std::make_shared<Ticket>();
        ticket->owner = this;
        ticket->name = name;
        ticket->asked = now;
        wait(*ticket, now);
        question = ticket->question;
        underWay_.emplace(name, ticket);
        if (underWay_.size() == 1)
            bell_.ring();
    }
    ask(*ticket);
    return question;
}

void UnboundResolver::wait(Ticket& ticket, Clock::time_point now) const {
    if (ticket.question)
        return;
    ticket.question = std::make_shared<Question>();
    ticket.deadline = now + timeout_ + grace;
}

void UnboundResolver::ask(Ticket& ticket) noexcept {
    int number = 0;
    if (ub_resolve_async(context_.get(), ticket.name.c_str(), typeA, classIn, &ticket, deliver,
                         &number) == UB_NOERROR)
        ticket.number = number;
    else
        finish(ticket, notTaken_, failureTtl);
}

void UnboundResolver::deliver(void* ticket, int error, ub_result* result) noexcept {
    const UnboundResult owned(result);
    Ticket& answered = *static_cast<Ticket*>(ticket);
    UnboundResolver& self = *answered.owner;
    try {
        const Answer answer = answerOf(error, result);
        self.finish(answered, answer, lifeOf(*answer, result));
    } catch (...) {
        self.finish(answered, self.noAnswer_, failureTtl);
    }
}

void UnboundResolver::finish(Ticket& ticket, const Answer& answer,
                             std::chrono::seconds life) noexcept {
    std::shared_ptr<Question> question;
    {
        const std::lock_guard guard(mutex_);
        keep(ticket.name, answer, Clock::now() + life);
        question = std::move(ticket.question);
        if (const auto mine = underWay_.find(ticket.name); mine != underWay_.end())
            underWay_.erase(mine);
    }
    if (question)
        question->settle(answer);
}

void UnboundResolver::keep(const std::string& name, const Answer& answer,
                           Clock::time_point until) noexcept {
    try {
        cache_.keep(name, answer, until);
    } catch (...) { // no memory: it is asked again
    }
}

void UnboundResolver::run() noexcept {
    auto nextSweep = Clock::now() + sweepInterval;
    while (!stopping_) {
        std::array<pollfd, 2> ready{
            {{bell_.descriptor(), POLLIN, 0}, {broken_ ? -1 : ub_fd(context_.get()), POLLIN, 0}}};
        poll(ready.data(), ready.size(), pollTimeout());
        bell_.silence();
        if (ready[1].revents != 0)
            process();
        if (const auto now = Clock::now(); now >= nextSweep) {
            sweep(now);
            nextSweep = now + sweepInterval;
        }
    }
}

/// Forever while nothing can be late; the first question rings.
int UnboundResolver::pollTimeout() {
    const std::lock_guard guard(mutex_);
    return underWay_.empty() ? -1 : static_cast<int>(sweepInterval.count());
}

void UnboundResolver::process() noexcept {
    const int status = ub_process(context_.get());
    if (status == UB_NOERROR)
        return;
    broken_ = true; // its pipe is closed: polling it on would spin
    log::error(LogCategory::dnsbl, "the DNS resolver is out of order until the next reload: {}",
               ub_strerror(status));
}

void UnboundResolver::sweep(Clock::time_point now) noexcept {
    const std::lock_guard guard(mutex_);
    for (auto next = underWay_.begin(); next != underWay_.end();) {
        const auto current = next++;
        Ticket& ticket = *current->second;
        if (ticket.question && now >= ticket.deadline)
            giveUp(ticket, now);
        const int number = ticket.number;
        if (number != 0 && now >= ticket.asked + lostAfter &&
            ub_cancel(context_.get(), number) == UB_NOERROR) {
            if (ticket.question)
                giveUp(ticket, now);
            underWay_.erase(current);
        }
    }
}

void UnboundResolver::giveUp(Ticket& ticket, Clock::time_point now) noexcept {
    keep(ticket.name, noAnswer_, now + failureTtl);
    ticket.question->settle(noAnswer_);
    ticket.question.reset();
}

/// Each question under way takes a descriptor; the other half is for the mail.
std::size_t questionLimit() {
    rlimit descriptors{};
    if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0)
        return mostQuestionsUnderWay;
    const auto half = static_cast<std::size_t>(descriptors.rlim_cur / 2);
    return std::clamp(half, fewestQuestions, mostQuestionsUnderWay);
}

} // namespace

Result<std::shared_ptr<Resolver>> makeUnboundResolver(const ResolverSettings& settings) {
    const std::size_t limit = questionLimit();
    auto context = makeUnboundContext(settings, limit);
    if (!context)
        return tl::unexpected(context.error());
    try {
        return std::make_shared<UnboundResolver>(std::move(*context), settings.timeout, limit);
    } catch (const std::exception& error) {
        return fail(fmt::format("the DNS resolver does not start: {}", error.what()));
    }
}

} // namespace sluice
