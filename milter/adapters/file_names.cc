// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/file_names.hh"

#include "milter/adapters/spool_file.hh"

#include <dirent.h>
#include <fcntl.h>

#include <cerrno>
#include <memory>

namespace sluice {
namespace {

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};

} // namespace

Result<void> forEachFileName(const std::string& path, const VisitName& visit) {
    // NOLINTNEXTLINE(*-vararg): the system's interface
    return forEachFileName(Descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
                           path, visit);
}

Result<void> forEachFileName(Descriptor folder, std::string_view shown, const VisitName& visit) {
    const std::unique_ptr<DIR, CloseFolder> opened(folder.get() < 0 ? nullptr
                                                                    : ::fdopendir(folder.get()));
    if (!opened)
        return failBySystem(shown);
    static_cast<void>(folder.release());
    for (;;) {
        errno = 0;
        const dirent* const entry = ::readdir(opened.get());
        if (entry == nullptr)
            break;
        if (const std::string_view name(entry->d_name); name != "." && name != "..")
            visit(name);
    }
    return errno == 0 ? Result<void>() : failBySystem(shown);
}

} // namespace sluice
