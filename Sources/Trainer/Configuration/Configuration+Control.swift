extension Configuration {
    /// What a run can be compared with.
    package enum Control: String, CaseIterable, Sendable {
        /// Low-rank factors from the whitened SVD, every matrix at the same share: the start of SVD-LLM (arXiv 2403.07378).
        case svd
        /// Plain TT-SVD into balanced legs, every matrix at the same share, healed on the labels alone: the recipe of CompactifAI (arXiv 2401.14109).
        case plain
    }

    /// The same run, at the same count of parameters, from another start, in a directory beside its own.
    package func control(_ control: Control) -> Configuration {
        var c = self
        switch control {
        case .svd:
            c.compression.initialization = .activation
            c.compression.cores = 2
            c.compression.legs = .lowRank
            c.compression.budget = .uniform
            c.compression.calibration.metric = .output
            c.compression.calibration.prefix = .original
        case .plain:
            c.compression.initialization = .svd
            c.compression.legs = .balanced
            c.compression.budget = .uniform
            c.compression.local.epochs = 0
            c.distillation.weight = 0
        }
        for index in c.compression.rules.indices { (c.compression.rules[index].legs, c.compression.rules[index].cores) = (nil, nil) }
        c.outputDirectory += "-control-\(control.rawValue)"
        c.export = nil
        return c
    }
}
