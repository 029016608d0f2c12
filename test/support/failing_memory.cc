// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/failing_memory.hh"

#include <cstdlib>
#include <new>
#include <utility>

namespace sluice::test {
namespace {

std::size_t allocationsLeft = 0; ///< until one fails; 0: none does
bool counting = false;
bool failed = false;

void* allocate(std::size_t size) noexcept {
    if (counting && allocationsLeft != 0 && --allocationsLeft == 0) {
        failed = true;
        return nullptr;
    }
    return std::malloc(size == 0 ? 1 : size);
}

} // namespace

void failAllocation(std::size_t count) {
    allocationsLeft = count;
}

CountedMemory::CountedMemory(bool counted) : before_(std::exchange(counting, counted)) {}

CountedMemory::~CountedMemory() {
    counting = before_;
}

bool allocationFailed() {
    return failed;
}

void forgetFailure() {
    failed = false;
}

} // namespace sluice::test

// Those of arrays are the sanitizer's; without one they end up here.
void* operator new(std::size_t size) {
    void* const memory = sluice::test::allocate(size);
    if (memory == nullptr)
        throw std::bad_alloc();
    return memory;
}

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return sluice::test::allocate(size);
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

void operator delete(void* memory, const std::nothrow_t&) noexcept {
    std::free(memory);
}
