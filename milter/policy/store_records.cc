// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/store_records.hh"

#include <algorithm>
#include <iterator>
#include <limits>

namespace sluice {
namespace {

using std::chrono::seconds;

template<typename Number>
void countUp(Number& number) {
    number = static_cast<Number>(number + (number < std::numeric_limits<Number>::max() ? 1 : 0));
}

bool has(const Templates& templates, std::uint64_t wanted, std::size_t from) {
    return wanted != 0 && std::find(templates.begin() + static_cast<std::ptrdiff_t>(from),
                                    templates.end(), wanted) != templates.end();
}

template<typename Rows>
void pushFront(Rows& row, typename Rows::value_type first) {
    std::move_backward(row.begin(), std::prev(row.end()), row.end());
    row.front() = first;
}

auto findSeen(const TurnState& state, const Turn& turn) {
    return std::find_if(state.seen.begin(), state.seen.end(), [&](const TurnState::Seen& seen) {
        return seen.message == turn.message && seen.message != 0;
    });
}

bool isEffect(const TurnState& state, const Turn& turn, seconds age) {
    if (turn.referring || turn.reaction)
        return true;
    if (turn.automatic) // a monitor: it goes on by itself
        return false;
    if (age <= promptReply)
        return true;
    return !state.referring && !state.automatic && !turn.automatic;
}

bool goesOn(const TurnState& state, const Turn& turn, seconds age) {
    if (state.author == 0 || age > conversationPause)
        return false;
    return turn.author == state.author || isEffect(state, turn, age);
}

TurnAnswer begin(TurnState& state, const Turn& turn) {
    state = TurnState();
    state.templates = turn.templates;
    return {std::max<std::uint16_t>(turn.depth, 1), has(turn.templates, turn.templates[0], 1),
            false, turn.chainAutomatic};
}

TurnAnswer goOn(TurnState& state, const Turn& turn) {
    const std::uint64_t own = turn.templates[0];
    TurnAnswer answer = state.seen[0].answer;
    answer.chainAutomatic = answer.chainAutomatic || state.automatic || turn.chainAutomatic;
    answer.again = turn.author == state.author && state.referring && turn.referring &&
                   (state.toPrompt || turn.toPrompt) && has(state.templates, own, 0);
    // that someone repeats himself proves nothing unless somebody answered: many reports about one
    // newsletter are alike
    if (turn.author != state.author) {
        answer.otherRepeated = answer.repeated;
        answer.otherAutomatic = state.automatic;
        answer.repeated = has(state.templates, own, 0) || has(turn.templates, own, 1);
        countUp(answer.turns);
    }
    answer.turns = std::max(answer.turns, turn.depth);
    // who writes twice before the answer must not push the other's templates out
    if (turn.author != state.author || own != state.templates[0])
        pushFront(state.templates, own);
    return answer;
}

bool nearlySame(seconds a, seconds b) {
    const seconds difference = a > b ? a - b : b - a;
    return difference <= std::max(intervalTolerance, b / 10);
}

} // namespace

bool isRetry(const TurnState& state, const Turn& turn) {
    return findSeen(state, turn) != state.seen.end();
}

TurnAnswer advance(TurnState& state, const Turn& turn, seconds age) {
    if (const auto seen = findSeen(state, turn); seen != state.seen.end())
        return seen->answer;
    const TurnAnswer answer = goesOn(state, turn, age) ? goOn(state, turn) : begin(state, turn);
    state.author = turn.author;
    state.referring = turn.referring;
    state.automatic = turn.automatic;
    state.toPrompt = turn.toPrompt;
    pushFront(state.seen, {turn.message, answer});
    return answer;
}

CopyAnswer advance(CopyState& state, seconds age) {
    const bool first = state.copies == 0;
    countUp(state.copies);
    if (first)
        return {};
    if (state.constantIntervals > 0 && nearlySame(age, seconds(state.interval))) {
        countUp(state.constantIntervals);
    } else {
        state.constantIntervals = 1;
        state.interval = static_cast<std::uint32_t>(std::max<seconds::rep>(age.count(), 0));
    }
    return {state.copies - 1, state.lost, state.constantIntervals, seconds(state.interval)};
}

bool cameBack(const PostState& then, const PostState& now) {
    return now.received > then.received || now.stamps != then.stamps;
}

} // namespace sluice
