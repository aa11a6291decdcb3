import Kernels

/// `DistillationLoss` against a teacher of whom only a few tokens are known at each place: a CE + b T^2 D, summed over tokens, with
///
///     D = sum_i p_i (log p_i - log q_i)  +  r (log r - log q_rest)  +  correction
///
/// over the tokens i that the teacher names; r is its mass on all others and q_rest the student's. Named tokens get the gradient b T (q - p), the others
/// b T (q - r q / q_rest): their mass is matched and, among them, nothing is said.
///
/// - The k most probable tokens, r the mass of the tail: the divergence of the two distributions when the tail is one token, so never more than the full one.
/// - n tokens drawn from p, each with the share p_hat of the draws that it got, and r = 0: q - p_hat has the expectation q - p (Anshumann et al. 2025, arXiv 2503.16870).
///
/// Inputs: the student's h [T, D] and head [V, D] of h's type or wide. Output [3], f64, as `DistillationLoss`; the logits of one chunk of tokens exist at a time.
package struct SparseDistillationLoss: Primitive {
    private let rows: [Int]
    /// Of `rows`; negative ones have no cross-entropy.
    private let labels: [Int32]
    private let teacher: SparseDistributions
    private let temperature: Double
    private let crossEntropyFactor: Double
    private let divergenceFactor: Double

    /// - Parameters:
    ///   - labels: the token to predict at each t; negative where there is none.
    ///   - rows: the tokens that the divergence is taken at, in order, every one with a label among them.
    ///   - teacher: at `temperature`, one row for each of `rows`.
    ///   - crossEntropyFactor: a.
    ///   - divergenceFactor: b.
    package init(
        labels: [Int32], rows: [Int], teacher: SparseDistributions, temperature: Double, crossEntropyFactor: Double, divergenceFactor: Double
    ) {
        self.rows = rows
        self.labels = rows.map { labels[$0] }
        self.teacher = teacher
        self.temperature = temperature
        self.crossEntropyFactor = crossEntropyFactor
        self.divergenceFactor = divergenceFactor
        precondition(teacher.rows == rows.count, "SparseDistillationLoss: \(teacher.rows) rows of a teacher for \(rows.count)")
        precondition(
            self.labels.count { $0 >= 0 } == labels.count { $0 >= 0 }, "SparseDistillationLoss: a token with a label is not among the \(rows.count) rows")
    }

    package func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation {
        ChunkedHead.divergence(
            inputs[0], inputs[1], rows: rows, wants: wants, crossEntropyFactor: crossEntropyFactor, divergenceFactor: divergenceFactor
        ) { places, logits, crossEntropy, divergence, gradient in
            Stopwatch.time("divergence") {
                KullbackLeibler.sparseRows(
                    student: logits, teacher: teacher, range: places, labels: labels[places], temperature: temperature,
                    crossEntropyFactor: crossEntropyFactor, divergenceFactor: divergenceFactor, crossEntropy: crossEntropy, divergence: divergence, gradient: gradient)
            }
        }
    }

    package func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
        ChunkedHead.divergencePullback(cotangent, saved: saved, rows: rows, into: &cotangents)
    }
}
