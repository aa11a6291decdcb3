import Basics
import Testing

/// POSIX `dirname` and `basename`.
@Suite struct PathNameTests {
    @Test(arguments: [
        ("q", ".", "q"), ("é", ".", "é"), ("a/b", "a", "b"), ("/a", "/", "a"), ("/", "/", "/"), ("//", "/", "/"), ("a/", ".", "a"), ("a//b//", "a", "b"),
        ("/a/b", "/a", "b"), ("", ".", ""), (".", ".", "."), ("./o", ".", "o"), ("../x", "..", "x"), ("a/é", "a", "é"),
    ])
    func parts(path: String, parent: String, name: String) {
        #expect(FileSystem.parent(of: path) == parent)
        #expect(FileSystem.name(of: path) == name)
    }
}
