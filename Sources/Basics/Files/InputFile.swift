import Glibc

/// Opens what a path names only where that is an ordinary file: a pipe would wait for its writer, and a device may never end.
package enum InputFile {
    /// Why a path cannot be read as a file.
    package enum Problem: Error, Sendable, Equatable {
        case missing
        /// What is there instead, in words: "a directory", "a pipe".
        case notAFile(String)
        /// The system's reason.
        case system(Int32)

        /// What is the matter, and what to do where that can be said.
        package var words: String {
            switch self {
            case .missing: "no such file; check the path"
            case .notAFile("a directory"): "is a directory; name the file in it"
            case .notAFile(let kind): "is \(kind), not a file; write what it gives to a file first"
            case .system(let code): StorageError("open", "", code, writing: false).reason
            }
        }
    }

    /// A descriptor for reading; the caller closes it.
    package static func open(_ path: String) throws(Problem) -> Int32 {
        if let problem = problem(at: path) { throw problem }
        // Without waiting: the path may name something else by now.
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Problem.system(errno) }
        var status = stat()
        let result = fstat(descriptor, &status)
        if let problem = result == 0 ? kind(status) : .system(errno) {
            close(descriptor)
            throw problem
        }
        return descriptor
    }

    /// Why what `path` names (symbolic links followed) cannot be read as a file; nil where it can be tried.
    package static func problem(at path: String) -> Problem? {
        var status = stat()
        guard stat(path, &status) == 0 else { return errno == ENOENT || errno == ENOTDIR ? .missing : .system(errno) }
        return kind(status)
    }

    static func kind(_ status: stat) -> Problem? {
        switch status.st_mode & S_IFMT {
        case S_IFREG: nil
        case S_IFDIR: .notAFile("a directory")
        case S_IFIFO: .notAFile("a pipe")
        case S_IFSOCK: .notAFile("a socket")
        case S_IFCHR, S_IFBLK: .notAFile("a device")
        default: .notAFile("something special")
        }
    }
}
