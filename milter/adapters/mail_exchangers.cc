// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/mail_exchangers.hh"

#include "common/duration.hh"
#include "common/text.hh"
#include "milter/adapters/unbound_context.hh"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string_view>
#include <tuple>
#include <utility>

namespace sluice {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t questionsAtOnce = 256;
constexpr int classIn = 1;
enum class RecordType : int { a = 1, mx = 15, aaaa = 28 };

struct ResultFree {
    void operator()(ub_result* result) const { ub_resolve_free(result); }
};

/// Questions to libunbound that are under way together.
class Questions {
public:
    struct Question {
        std::string name;
        RecordType type;
        Clock::time_point asked;
        bool answered = false;
        int error = UB_NOERROR;
        std::unique_ptr<ub_result, ResultFree> result;
        std::chrono::microseconds took{0};
        Questions* owner;
    };

    explicit Questions(UnboundContext context) : context_(std::move(context)) {}

    /// The reference stays good.
    const Question& ask(const std::string& name, RecordType type) {
        Question& question = questions_.emplace_back();
        question.name = name;
        question.type = type;
        question.asked = Clock::now();
        question.owner = this;
        ++underWay_;
        const int status =
            ub_resolve_async(context_.get(), (name + '.').c_str(), static_cast<int>(type), classIn,
                             &question, take, nullptr);
        if (status != UB_NOERROR)
            settle(question, status, nullptr);
        return question;
    }

    /// Waits for answers; false when all are there, or the time is over, or it is interrupted.
    bool wait(Clock::time_point deadline, int interrupt) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (underWay_ == 0 || left.count() <= 0)
            return false;
        std::array<pollfd, 2> ready{{{ub_fd(context_.get()), POLLIN, 0}, {interrupt, POLLIN, 0}}};
        poll(ready.data(), ready.size(), static_cast<int>(left.count()));
        return ready[1].revents == 0 &&
               (ready[0].revents == 0 || ub_process(context_.get()) == UB_NOERROR);
    }

private:
    static void take(void* question, int error, ub_result* result) noexcept {
        Question& answered = *static_cast<Question*>(question);
        answered.owner->settle(answered, error, result);
    }

    void settle(Question& question, int error, ub_result* result) noexcept {
        question.answered = true;
        question.error = error;
        question.result.reset(result);
        question.took =
            std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - question.asked);
        --underWay_;
    }

    std::deque<Question> questions_;
    std::size_t underWay_ = 0;
    UnboundContext context_; ///< last: it goes before what its callbacks write to
};

using Question = Questions::Question;

LookUp lookUpOf(const Question& question, std::chrono::milliseconds timeout) {
    using Status = LookUp::Status;
    if (!question.answered)
        return {Status::failed, "no answer in " + formatDuration(timeout), timeout};
    const ub_result* result = question.result.get();
    if (question.error != UB_NOERROR || result == nullptr)
        return {Status::failed, ub_strerror(question.error), question.took};
    constexpr int noError = 0;
    if (result->havedata != 0)
        return {Status::found, {}, question.took};
    if (result->nxdomain != 0)
        return {Status::noName, {}, question.took};
    if (result->rcode == noError)
        return {Status::noData, {}, question.took};
    return {Status::failed, std::string(responseCodeName(result->rcode)), question.took};
}

std::vector<std::string_view> dataOf(const Question& question) {
    std::vector<std::string_view> records;
    if (question.result && question.result->havedata != 0)
        for (std::size_t i = 0; question.result->data[i] != nullptr; ++i)
            records.emplace_back(question.result->data[i],
                                 static_cast<std::size_t>(question.result->len[i]));
    return records;
}

std::optional<IpAddress> addressOf(std::string_view data) {
    std::array<std::uint8_t, 16> octets{};
    constexpr std::size_t v4Octets = 4;
    if (data.size() > octets.size())
        return std::nullopt;
    std::memcpy(octets.data(), data.data(), data.size());
    if (data.size() == octets.size())
        return IpAddress::v6(octets);
    if (data.size() != v4Octets)
        return std::nullopt;
    return IpAddress::v4(std::uint32_t{octets[0]} << 24U | std::uint32_t{octets[1]} << 16U |
                         std::uint32_t{octets[2]} << 8U | octets[3]);
}

/// Adds those that are not there yet.
void takeAddresses(const Question& question, MailExchanger& exchanger) {
    std::vector<IpAddress>& known = exchanger.addresses;
    for (const std::string_view data : dataOf(question)) {
        const auto address = addressOf(data);
        if (!address || std::find(known.begin(), known.end(), *address) != known.end())
            continue;
        if (known.size() < mostAddressesOfOne)
            known.push_back(*address);
        else
            ++exchanger.addressesLeftOut;
    }
}

void takeCanonicalName(const Question& question, MailExchanger& exchanger) {
    if (!question.result || question.result->canonname == nullptr)
        return;
    std::string name = toLowerAscii(question.result->canonname);
    if (name.ends_with('.'))
        name.pop_back();
    if (!name.empty() && name != exchanger.name)
        exchanger.canonicalName = std::move(name);
}

/// The records in order, each once. The root is left out of them.
std::vector<MxRecord> recordsOf(const Question& question, bool& nullMx) {
    std::vector<MxRecord> records;
    for (const std::string_view data : dataOf(question))
        if (auto record = parseMxRecord(data)) {
            if (record->target == MxRecord::Target::root)
                nullMx = true;
            else
                records.push_back(*std::move(record));
        }
    std::sort(records.begin(), records.end(), [](const MxRecord& a, const MxRecord& b) {
        return std::tie(a.preference, a.name) < std::tie(b.preference, b.name);
    });
    records.erase(std::unique(records.begin(), records.end()), records.end());
    return records;
}

/// Asks for the MX records of all domains, and for the addresses of each as soon as it is known.
class RouteSearch {
public:
    RouteSearch(const std::vector<std::string>& domains, const MailRouteSettings& settings,
                UnboundContext context)
        : settings_(settings), questions_(std::move(context)) {
        for (const std::string& domain : domains)
            routes_.push_back({&questions_.ask(domain, RecordType::mx), {}, false});
        for (std::size_t i = 0; i < domains.size(); ++i)
            routes_[i].route.domain = domains[i];
    }

    std::vector<MailRoute> run() {
        const auto deadline = Clock::now() + settings_.timeout;
        do
            takeRecords();
        while (questions_.wait(deadline, settings_.interrupt));
        std::vector<MailRoute> routes;
        for (Search& search : routes_)
            routes.push_back(finish(search));
        return routes;
    }

private:
    struct Search {
        const Question* mx;
        MailRoute route;
        bool known;
    };
    struct Addresses {
        const Question* v4;
        const Question* v6;
    };

    void takeRecords() {
        for (Search& search : routes_)
            if (!search.known && search.mx->answered) {
                search.known = true;
                takeExchangers(*search.mx, search.route);
            }
    }

    void takeExchangers(const Question& question, MailRoute& route) {
        route.mx = lookUpOf(question, settings_.timeout);
        for (MxRecord& record : recordsOf(question, route.nullMx)) {
            if (route.exchangers.size() == mostExchangers) {
                ++route.exchangersLeftOut;
                continue;
            }
            MailExchanger& added = route.exchangers.emplace_back();
            added.name = record.name;
            added.record = std::move(record);
        }
        if (route.mx.status == LookUp::Status::noData)
            route.exchangers.emplace_back().name = route.domain;
        for (const MailExchanger& exchanger : route.exchangers)
            if (namesHost(exchanger))
                askForAddresses(exchanger.name);
    }

    static bool namesHost(const MailExchanger& exchanger) {
        return !exchanger.record || exchanger.record->target == MxRecord::Target::host;
    }

    void askForAddresses(const std::string& name) {
        if (addresses_.find(name) != addresses_.end())
            return;
        const Question& v4 = questions_.ask(name, RecordType::a);
        addresses_[name] = {&v4, &questions_.ask(name, RecordType::aaaa)};
    }

    MailRoute finish(Search& search) {
        MailRoute& route = search.route;
        if (!search.known)
            route.mx = lookUpOf(*search.mx, settings_.timeout);
        for (MailExchanger& exchanger : route.exchangers) {
            if (!namesHost(exchanger)) {
                exchanger.v4.status = exchanger.v6.status = LookUp::Status::noName;
                continue;
            }
            const Addresses& found = addresses_.at(exchanger.name);
            exchanger.v4 = lookUpOf(*found.v4, settings_.timeout);
            exchanger.v6 = lookUpOf(*found.v6, settings_.timeout);
            for (const Question* question : {found.v4, found.v6}) {
                takeAddresses(*question, exchanger);
                takeCanonicalName(*question, exchanger);
            }
        }
        return std::move(route);
    }

    const MailRouteSettings& settings_;
    Questions questions_;
    std::vector<Search> routes_;
    std::map<std::string, Addresses> addresses_; ///< by name: several domains may share an MX
};

} // namespace

Result<std::vector<MailRoute>> findMailRoutes(const std::vector<std::string>& domains,
                                              const MailRouteSettings& settings) {
    auto context = makeUnboundContext(settings.resolver, questionsAtOnce);
    if (!context)
        return tl::unexpected(context.error());
    return RouteSearch(domains, settings, std::move(*context)).run();
}

} // namespace sluice
