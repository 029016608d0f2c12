// SPDX-License-Identifier: BSD-2-Clause
//
// Linked into a filter of the tests: `new` that has no memory when the test wants it so
// (fault_plan.hh), also under AddressSanitizer.

#include "test/support/fault_plan.hh"

#include <cstdlib>
#include <new>

namespace {

void* allocate(std::size_t size) noexcept {
    using namespace sluice::faults;
    return mayBeDone(Call::memory) ? std::malloc(size == 0 ? 1 : size) : nullptr;
}

void* allocateOrThrow(std::size_t size) {
    if (void* const place = allocate(size))
        return place;
    throw std::bad_alloc();
}

} // namespace

void* operator new(std::size_t size) {
    return allocateOrThrow(size);
}
void* operator new[](std::size_t size) {
    return allocateOrThrow(size);
}
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
    return allocate(size);
}
void* operator new[](std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
    return allocate(size);
}
void operator delete(void* place) noexcept {
    std::free(place);
}
void operator delete[](void* place) noexcept {
    std::free(place);
}
void operator delete(void* place, std::size_t /*size*/) noexcept {
    std::free(place);
}
void operator delete[](void* place, std::size_t /*size*/) noexcept {
    std::free(place);
}
void operator delete(void* place, const std::nothrow_t& /*tag*/) noexcept {
    std::free(place);
}
void operator delete[](void* place, const std::nothrow_t& /*tag*/) noexcept {
    std::free(place);
}
