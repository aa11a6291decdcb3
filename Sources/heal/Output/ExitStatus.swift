/// The statuses this program ends with: those of `sysexits.h`, so that a script can tell what to do next.
enum ExitStatus: Int32 {
    case success = 0
    /// The run diverged: a loss, a gradient or a weight is no number. And what fits none of the others.
    case failure = 1
    /// The command line is wrong.
    case usage = 64
    /// A model, a checkpoint or data that are not as they should be.
    case badInput = 65
    /// A file that is to be read is missing or cannot be opened.
    case missingInput = 66
    /// A file that is to be written cannot be made.
    case cannotCreate = 73
    /// Reading or writing failed on the way, mostly because no space is left.
    case inputOutput = 74
    /// The configuration is wrong.
    case configuration = 78
}
