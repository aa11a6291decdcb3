import Basics

/// The table of all keys: name, member, whether a change alters the steps to come, and the values accepted.
extension Configuration: SettingGroup {
    package static var settings: [Setting<Configuration>] {
        [
            Setting("description", \.description, .harmless),

            Setting("model", \.model, check: needsText),
            Setting("tokenizer", \.tokenizer, .settled("the tokenizer is in the checkpoint")) { $0.flatMap(needsText) },
            Setting("chat_template", \.chatTemplate),

            Setting("datasets", \.datasets) { $0.isEmpty ? "is empty; expected at least one { \"path\": ... }" : nil },
            Setting("max_seq_length", \.maxSequenceLength, .trajectory, .from(2, to: 1_048_576)),
            Setting("packing", \.packing),
            Setting("train_on_prompt", \.trainOnPrompt),
            Setting("on_bad_line", \.onBadLine),
            Setting("val_size", \.validationSize, .trajectory, .atLeast(0)) { size in
                size >= 1 && size != size.rounded() ? "\(size) is neither a share below 1 nor a whole number of rows" : nil
            },

            Setting("per_device_train_batch_size", \.perDeviceTrainBatchSize, .trajectory, .from(1, to: 65_536)),
            Setting("gradient_accumulation_steps", \.gradientAccumulationSteps, .trajectory, .from(1, to: 65_536)),
            Setting("learning_rate", \.learningRate, .trajectory, .above(0, to: 10)),
            Setting("lr_scheduler_type", \.learningRateScheduler),
            Setting("warmup_steps", \.warmupSteps, .trajectory, .from(0, to: 1_000_000_000)),
            Setting("warmup_ratio", \.warmupRatio, .trajectory, .from(0, to: 1)),
            Setting("min_lr_ratio", \.minLearningRateRatio, .trajectory, .from(0, to: 1)),
            Setting("num_train_epochs", \.trainEpochs, .trajectory, .above(0, to: 1_000_000)),
            Setting("max_steps", \.maxSteps, .trajectory) { steps in
                guard let steps, steps != -1 else { return nil }
                return (1...1_000_000_000).contains(steps)
                    ? nil : "\(steps) is out of range; expected a whole number from 1 to 1000000000, or -1 to go by num_train_epochs"
            },
            Setting("weight_decay", \.weightDecay, .trajectory, .from(0, to: 10)),
            Setting("adam_beta1", \.adamBeta1, .trajectory, .from(0, below: 1)),
            Setting("adam_beta2", \.adamBeta2, .trajectory, .from(0, below: 1)),
            // Smaller ones are 0 in single precision, and then a gradient of 0 gives 0 / 0.
            Setting("adam_epsilon", \.adamEpsilon, .trajectory, .from(1e-30, to: 1)),
            // A cut gradient is never longer than this. From about 1e-12 on the squares of its numbers, spread over 1e9 of them and taken into the second moment
            // with 1 - adam_beta2, are 0 in single precision, and beside the usual adam_epsilon a step comes to nothing long before.
            Setting("max_grad_norm", \.maxGradientNorm, .trajectory, .atLeast(0)) { norm in
                norm == 0 || norm >= leastGradientNorm
                    ? nil
                    : "\(JSON(.number(norm)).text()) cuts gradients to nothing, so that no step would change a weight; expected at least \(JSON(.number(leastGradientNorm)).text()), usually 1, "
                        + "or 0 to leave them whole"
            },
            Setting("optim", \.optimizer),
            Setting("core_learning_rate", \.coreLearningRate),
            Setting("decay", \.decay),
            Setting("gauge", \.gauge),
            Setting("gauge_steps", \.gaugeSteps, .trajectory, .from(1, to: 1_000_000_000)),
            Setting("master_dtype", \.masterPrecision),
            Setting("dtype", \.dtype),
            Setting("gradient_checkpointing", \.gradientCheckpointing),
            Setting("trainable", \.trainable, .settled("the checkpoint has moments of the tensors that were trained, and of no others")),
            Setting("compression", \.compression),
            Setting("distillation", \.distillation),

            Setting("output_dir", \.outputDirectory, .harmless, check: needsText),
            Setting("eval_steps", \.evaluationSteps, .harmless, .from(1, to: 1_000_000_000)),
            Setting("eval_max_rows", \.evaluationMaxRows, .harmless, .from(1, to: 1_000_000_000)),
            Setting("eval_texts", \.evaluationTexts, .harmless) { texts in
                let names = texts.map(EvaluationText.name)
                return Set(names).count < names.count ? "names two files alike; reports tell them apart by their last part" : nil
            },
            Setting("save_steps", \.saveSteps, .harmless, .from(1, to: 1_000_000_000)),
            Setting("save_total_limit", \.saveTotalLimit, .harmless, .from(1, to: 1_000_000)),
            Setting("load_best_model_at_end", \.loadBestModelAtEnd, .harmless),
            Setting("metric_for_best_model", \.metricForBestModel, .harmless) { $0.flatMap(needsText) },
            Setting("greater_is_better", \.greaterIsBetter, .harmless),
            Setting("early_stopping_patience", \.earlyStoppingPatience, .harmless, .from(1, to: 1_000_000_000)),
            Setting("early_stopping_threshold", \.earlyStoppingThreshold, .harmless, .atLeast(0)),
            Setting("logging_steps", \.loggingSteps, .harmless, .from(1, to: 1_000_000_000)),
            Setting("sample_steps", \.sampleSteps, .harmless, .from(1, to: 1_000_000_000)),
            Setting("sample_prompt", \.samplePrompt, .harmless),
            Setting("report_to", \.reportTo, .harmless) { Set($0).count < $0.count ? "names a target twice" : nil },
            Setting("seed", \.seed, .trajectory, .atLeast(0)),
            Setting("data_seed", \.dataSeed, .trajectory, .atLeast(0)),
            Setting("threads", \.threads, .harmless, .from(0, to: 4096)),
            Setting("resume_from_checkpoint", \.resumeFromCheckpoint, .harmless) { $0.flatMap { needsText($0) ?? isNoCheckpoint($0) } },
            Setting("export", \.export, .harmless),
        ]
    }

    private static let leastGradientNorm = 1e-12

    private static func isNoCheckpoint(_ text: String) -> String? {
        ForeignKeys.hint(forValue: text, of: "resume_from_checkpoint").map { "\(JSON(.string(text)).text()) is no checkpoint; \($0)" }
    }

    private static func needsText(_ text: String) -> String? { text.isEmpty ? "is empty" : nil }

    package mutating func finish(_ keys: GivenKeys, reader: inout ConfigurationReader) {
        if keys["model"] == nil {
            reader.report("is missing: a Hugging Face directory, a GGUF file or a checkpoint", key: "model", at: keys.position)
        }
        if keys["datasets"] == nil {
            reader.report("is missing: a list [{\"path\": ...}] of files to train on", key: "datasets", at: keys.position)
        } else if !datasets.isEmpty, datasets.allSatisfy({ $0.split == .validation }), let position = keys["datasets"] {
            reader.report("every entry has \"split\": \"validation\"; there is nothing to train on", key: "datasets", at: position)
        }
        if let position = keys["datasets"] { DatasetConfiguration.checkWeights(datasets, key: "datasets", at: position, reader: &reader) }
        if let steps = keys["warmup_steps"], let ratio = keys["warmup_ratio"], warmupSteps ?? 0 > 0, warmupRatio ?? 0 > 0 {
            reader.reportContradiction("warmup_steps", at: steps, "warmup_ratio", at: ratio, in: keys)
        }
        if let position = keys["min_lr_ratio"], learningRateScheduler == .constant, minLearningRateRatio > 0 {
            reader.report(
                "has no effect with \"lr_scheduler_type\": \"constant\"; remove it or choose \"cosine\" or \"linear\"",
                key: "min_lr_ratio", at: position)
        }
        checkOptimizer(keys, &reader)
        checkBest(keys, &reader)
        if maxSteps == -1 { maxSteps = nil }
        origin.file = reader.file
    }

    private func checkOptimizer(_ keys: GivenKeys, _ reader: inout ConfigurationReader) {
        if let position = keys["gauge"], gauge == .balance, optimizer == .adamw8bit {
            reader.report(
                "\"balance\" changes the moments exactly, which 8 bits cannot hold; choose \"optim\": \"adamw\", or \"gauge\": \"free\"",
                key: "gauge", at: position)
        }
        if let position = keys["gauge_steps"], gauge == .free {
            reader.report("has no effect with \"gauge\": \"free\"; remove it or choose \"balance\"", key: "gauge_steps", at: position)
        }
        if let position = keys["decay"], decay == .product, weightDecay == 0 {
            reader.report("has no effect with \"weight_decay\": 0; remove it or set \"weight_decay\"", key: "decay", at: position)
        }
    }
}
