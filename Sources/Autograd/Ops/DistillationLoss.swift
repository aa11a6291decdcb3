import Kernels

/// a CE + b T^2 KL(p_T || q_T), summed over tokens (Hinton et al. 2015, arXiv 1503.02531): cross-entropy against the labels, and divergence of the student's
/// softmax q_T at temperature T from the teacher's p_T. Head and softmax are fused, in chunks of tokens (`ChunkedHead`): logits of student and teacher exist
/// for one chunk at a time.
///
/// Inputs: the student's h [T, D] and head [V, D], the teacher's h [T, D'] and head [V, D'] in h's type; heads may be wide. The teacher's get no cotangent.
///
/// Output [3], f64: the loss; then, to be looked at only, the sums of CE and of T^2 KL. Nothing flows back from those two. Nothing is divided: that is done once for
/// the whole accumulation window, and a and b are what makes that right (`TrainingWindow`).
package struct DistillationLoss: Primitive {
    private let rows: [Int]
    /// Of `rows`; negative ones have no cross-entropy.
    private let labels: [Int32]
    private let temperature: Double
    private let crossEntropyFactor: Double
    private let divergenceFactor: Double

    /// - Parameters:
    ///   - labels: the token to predict at each t; negative where there is none.
    ///   - rows: the tokens that the divergence is taken at, in order, every one with a label among them.
    ///   - crossEntropyFactor: a.
    ///   - divergenceFactor: b.
    package init(labels: [Int32], rows: [Int], temperature: Double, crossEntropyFactor: Double, divergenceFactor: Double) {
        self.rows = rows
        self.labels = rows.map { labels[$0] }
        self.temperature = temperature
        self.crossEntropyFactor = crossEntropyFactor
        self.divergenceFactor = divergenceFactor
        precondition(
            self.labels.count { $0 >= 0 } == labels.count { $0 >= 0 }, "DistillationLoss: a token with a label is not among the \(rows.count) rows")
    }

    package func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation {
        precondition(!wants[2] && !wants[3], "DistillationLoss: the teacher is not trained")
        let teacher = ChunkedHead.gather(inputs[2], rows), teacherHead = Elementwise.convert(inputs[3], to: inputs[2].dtype)
        return ChunkedHead.divergence(
            inputs[0], inputs[1], rows: rows, wants: wants, crossEntropyFactor: crossEntropyFactor, divergenceFactor: divergenceFactor
        ) { places, logits, crossEntropy, divergence, gradient in
            let teacherLogits = ChunkedHead.logits(teacher.slice(places), teacherHead)
            return Stopwatch.time("divergence") {
                KullbackLeibler.rows(
                    student: logits, teacher: teacherLogits, labels: labels[places], temperature: temperature, crossEntropyFactor: crossEntropyFactor,
                    divergenceFactor: divergenceFactor, crossEntropy: crossEntropy, divergence: divergence, gradient: gradient)
            }
        }
    }

    package func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
        ChunkedHead.divergencePullback(cotangent, saved: saved, rows: rows, into: &cotangents)
    }
}
