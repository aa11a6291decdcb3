// Whoever reads and writes formats meets files and their errors: what Basics has of them comes along.
@_exported import Basics
