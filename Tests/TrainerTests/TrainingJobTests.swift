import Testing

/// Whole jobs. The number of threads belongs to the process, so they run one after the other.
@Suite(.serialized) struct TrainingJobTests {}
