// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>

/// Memory that is out at a chosen moment: the program that links it has its own operator new.
namespace sluice::test {

/// The `count`th piece of memory that is counted from now on is not to be had; 0: all are.
void failAllocation(std::size_t count);

/// While it lasts what is asked for is counted.
class CountedMemory {
public:
    explicit CountedMemory(bool counted = true);
    ~CountedMemory();
    CountedMemory(const CountedMemory&) = delete;
    CountedMemory& operator=(const CountedMemory&) = delete;

private:
    bool before_;
};

/// Within it, what the test does for itself is not.
class WithMemory : public CountedMemory {
public:
    WithMemory() : CountedMemory(false) {}
};

/// Whether memory was out since this was last forgotten.
bool allocationFailed();
void forgetFailure();

} // namespace sluice::test
