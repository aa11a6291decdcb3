import Foundation

/// What the control groups of this process limit, for versions 1 and 2 (Linux: cgroups(7), Documentation/admin-guide/cgroup-v2.rst).
package struct ControlGroups: Sendable {
    /// Put before every path; empty but for tests.
    private let root: String

    package init(root: String = "") { self.root = root }

    /// Processors that the quotas of the process's groups and of all groups above them leave; nil where there is no quota.
    package var processors: Double? {
        (folders(version: 2).compactMap(quota2) + folders(version: 1).compactMap(quota1)).min()
    }

    /// `cpu.max`: microseconds of a period, or "max"; and the period.
    private func quota2(_ folder: String) -> Double? {
        let parts = words("\(folder)/cpu.max")
        return parts.count == 2 ? Self.processors(parts[0], parts[1]) : nil
    }

    /// A quota of -1 is none.
    private func quota1(_ folder: String) -> Double? {
        guard let quota = words("\(folder)/cpu.cfs_quota_us").first, let period = words("\(folder)/cpu.cfs_period_us").first else { return nil }
        return Self.processors(quota, period)
    }

    private static func processors(_ quota: String, _ period: String) -> Double? {
        guard let quota = Double(quota), let period = Double(period), quota > 0, period > 0 else { return nil }
        return quota / period
    }

    // MARK: Where groups are

    /// The process's group and those above it, as folders.
    private func folders(version: Int) -> [String] {
        guard let group = group(version: version) else { return [] }
        return mounts(version: version).flatMap { mount in
            // In a container the mount may begin at the group itself.
            var inner = mount.root != "/" && (group + "/").hasPrefix(mount.root + "/") ? String(group.dropFirst(mount.root.count)) : group
            var folders = [mount.point]
            while inner.count > 1 {
                folders.append(mount.point + inner)
                inner = FileSystem.parent(of: inner)
            }
            return folders
        }
    }

    /// Lines are `number:controllers:path`; version 2 has the number 0 and no controllers.
    private func group(version: Int) -> String? {
        for line in lines("/proc/self/cgroup") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3 else { continue }
            if version == 2 ? parts[0] == "0" && parts[1].isEmpty : Self.controls(parts[1]) { return parts[2] }
        }
        return nil
    }

    /// Mounted hierarchies, and where they are by custom.
    private func mounts(version: Int) -> [(point: String, root: String)] {
        var mounts: [(point: String, root: String)] = []
        for line in lines("/proc/self/mountinfo") {
            let fields = line.split(separator: " ").map(String.init)
            guard fields.count > 5, let end = fields.firstIndex(of: "-"), fields.count > end + 3 else { continue }
            let isMeant = version == 2 ? fields[end + 1] == "cgroup2" : fields[end + 1] == "cgroup" && Self.controls(fields[end + 3])
            if isMeant { mounts.append((fields[4], fields[3])) }
        }
        let custom = version == 2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu"
        return mounts.contains { $0.point == custom } ? mounts : mounts + [(custom, "/")]
    }

    private static func controls(_ names: String) -> Bool { names.split(separator: ",").contains("cpu") }

    private func lines(_ path: String) -> [Substring] {
        guard let file = FileHandle(forReadingAtPath: root + path) else { return [] }
        defer { try? file.close() }
        // These files have no size to ask for.
        let bytes = (try? file.readToEnd()) ?? Data()
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }

    private func words(_ path: String) -> [String] { lines(path).first.map { $0.split(separator: " ").map(String.init) } ?? [] }
}
