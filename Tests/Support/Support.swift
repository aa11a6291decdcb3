// Checkers shared by the tests.
