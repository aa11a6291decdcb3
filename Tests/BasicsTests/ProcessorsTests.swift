import Basics
import Foundation
import Testing

@Suite struct ProcessorsTests {
    /// Writes files below a folder and asks what the control groups there leave.
    private func processors(_ files: [String: String]) throws -> Double? {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("heal-groups-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        for (path, text) in files {
            let file = root.appendingPathComponent(path)
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        return ControlGroups(root: root.path).processors
    }

    private let mount2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"

    @Test func theSmallestQuotaOfAllGroupsAboveCounts() throws {
        let files = [
            "proc/self/cgroup": "0::/user.slice/a.scope\n", "proc/self/mountinfo": mount2,
            "sys/fs/cgroup/user.slice/cpu.max": "150000 100000\n", "sys/fs/cgroup/user.slice/a.scope/cpu.max": "max 100000\n",
            // Of a sibling.
            "sys/fs/cgroup/other/cpu.max": "100 100000\n",
        ]
        #expect(try processors(files) == 1.5)
        #expect(try processors(files.merging(["sys/fs/cgroup/user.slice/a.scope/cpu.max": "50000 100000\n"]) { $1 }) == 0.5)
    }

    @Test func noQuotaIsNone() throws {
        #expect(try processors([:]) == nil)
        #expect(try processors(["proc/self/cgroup": "0::/\n", "proc/self/mountinfo": mount2, "sys/fs/cgroup/cpu.max": "max 100000\n"]) == nil)
        let first = ["proc/self/cgroup": "4:cpu,cpuacct:/\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"]
        #expect(try processors(first.merging(["sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n"]) { $1 }) == nil)
        #expect(try processors(first.merging(["sys/fs/cgroup/cpu/cpu.cfs_quota_us": "x\n"]) { $1 }) == nil)
    }

    /// A container sees its own group as the root of the mount, under whatever name the host has for it.
    @Test func containers() throws {
        #expect(try processors(["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"]) == 2)
        #expect(try processors([
            "proc/self/cgroup": "4:cpu,cpuacct:/docker/17\n0::/\n",
            "proc/self/mountinfo": "33 32 0:29 /docker/17 /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000\n", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        ]) == 3)
    }

    @Test func aPartOfAProcessorIsOne() {
        #expect(Processors(allowed: 8, quota: nil).usable == 8)
        #expect(Processors(allowed: 8, quota: 2.5).usable == 3)
        #expect(Processors(allowed: 2, quota: 2.5).usable == 2)
        #expect(Processors(allowed: 8, quota: 0.2).usable == 1)
        #expect(Processors(allowed: 0, quota: nil).usable == 1)
        #expect(Processors.own.allowed >= 1 && Processors.own.usable <= Processors.own.allowed)
    }
}
