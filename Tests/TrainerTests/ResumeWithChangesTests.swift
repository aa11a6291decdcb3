import Foundation
import Kernels
import Testing
import TestSupport

@testable import Trainer

extension TrainingJobTests {
    /// What a refusal advises works: for every key that there is.
    @Suite(.serialized) struct ResumeWithChanges {
        /// Changes of each key, as `--set` has them, from the configuration of `base`.
        static func changes(_ directory: String) -> [String: [String]] {
            let datasets = "compression.calibration.datasets=[{\"path\":\"\(directory)/alpaca-dolly.jsonl\"}]"
            func rule(_ more: String) -> [String] { ["compression.rules=[{\"match\":\"q_proj\"\(more)}]"] }
            let best = ["load_best_model_at_end=true", "eval_steps=1", "save_steps=1"]
            return [
                "description": ["description=other"], "model": ["model=\(directory)/model"], "tokenizer": ["tokenizer=\(directory)/model"],
                "chat_template": ["chat_template=alpaca"],
                "datasets.path": ["datasets[0].path=\(directory)/ultrachat-oasst.jsonl"], "datasets.format": ["datasets[0].format=alpaca"],
                "datasets.columns": ["datasets[0].columns={\"instruction\":\"output\",\"output\":\"instruction\"}"],
                "datasets.split": ["datasets[1].split=validation"], "datasets.weight": (0..<3).map { "datasets[\($0)].weight=\($0 + 1)" },
                "max_seq_length": ["max_seq_length=128"], "packing": ["packing=false"], "train_on_prompt": ["train_on_prompt=true"],
                "on_bad_line": ["on_bad_line=skip"], "val_size": ["val_size=9"], "per_device_train_batch_size": ["per_device_train_batch_size=2"],
                "gradient_accumulation_steps": ["gradient_accumulation_steps=2"], "learning_rate": ["learning_rate=1e-4"],
                "lr_scheduler_type": ["lr_scheduler_type=linear"], "warmup_steps": ["warmup_steps=1"], "warmup_ratio": ["warmup_ratio=0.5"],
                "min_lr_ratio": ["min_lr_ratio=0.5"], "num_train_epochs": ["num_train_epochs=1"], "max_steps": ["max_steps=4"],
                "weight_decay": ["weight_decay=0.1"], "adam_beta1": ["adam_beta1=0.8"], "adam_beta2": ["adam_beta2=0.9"],
                "adam_epsilon": ["adam_epsilon=1e-6"], "max_grad_norm": ["max_grad_norm=0.5"], "optim": ["optim=adamw_8bit"],
                "core_learning_rate": ["core_learning_rate=uniform"], "decay": ["decay=product"], "gauge": ["gauge=balance"],
                "gauge_steps": ["gauge=balance", "gauge_steps=1"], "master_dtype": ["master_dtype=bf16"], "dtype": ["dtype=auto"],
                "gradient_checkpointing": ["gradient_checkpointing=true"], "trainable": ["trainable=[\"*norm\"]"],
                "compression.cores": ["compression.cores=3"], "compression.keep": ["compression.keep=0.3"],
                "compression.bond_dimension": ["compression.keep=null", "compression.bond_dimension=4"], "compression.budget": ["compression.budget=uniform"],
                "compression.legs": ["compression.legs=lowrank"], "compression.init": ["compression.init=activation"],
                "compression.calibration.datasets.path": [datasets], "compression.calibration.datasets.format": [datasets],
                "compression.calibration.datasets.columns": [datasets], "compression.calibration.datasets.split": [datasets],
                "compression.calibration.datasets.weight": [datasets],
                "compression.calibration.tokens": ["compression.calibration.tokens=99"],
                "compression.calibration.held_out_tokens": ["compression.calibration.held_out_tokens=99"],
                "compression.calibration.shrinkage": ["compression.calibration.shrinkage=0.1"],
                "compression.calibration.prefix": ["compression.calibration.prefix=original"],
                "compression.calibration.metric": ["compression.calibration.metric=output"],
                "compression.calibration.skip_first_token": ["compression.calibration.skip_first_token=true"],
                "compression.local.epochs": ["compression.init=activation", "compression.local.epochs=1"],
                "compression.local.learning_rate": ["compression.local.learning_rate=1e-3"], "compression.cache": ["compression.cache=\(directory)/cache"],
                "compression.skip": ["compression.skip=[\"q_proj\"]"], "compression.rules.match": rule(",\"keep\":0.4"), "compression.rules.layers": rule(",\"layers\":\"0\",\"keep\":0.4"),
                "compression.rules.cores": rule(",\"cores\":3"), "compression.rules.keep": rule(",\"keep\":0.3"),
                "compression.rules.bond_dimension": rule(",\"bond_dimension\":4"), "compression.rules.legs": rule(",\"legs\":\"lowrank\""),
                "compression.rules.skip": rule(",\"skip\":true"), "compression.plan": ["compression.plan=core_by_core"],
                "distillation.teacher": ["distillation.teacher=\(directory)/model"], "distillation.weight": ["distillation.weight=0.5"],
                "distillation.temperature": ["distillation.temperature=2"], "distillation.tokens": ["distillation.tokens=labels"],
                "distillation.cache": ["distillation.cache=\(directory)/answers"],
                "distillation.cache_form": ["distillation.cache=\(directory)/answers", "distillation.cache_form=top_k"],
                "distillation.cache_size": ["distillation.cache=\(directory)/answers", "distillation.cache_size=8"],
                "output_dir": ["output_dir=\(directory)/elsewhere"], "eval_steps": ["eval_steps=1"], "eval_max_rows": ["eval_max_rows=1"],
                "eval_texts": ["eval_texts=[\"\(directory)/alpaca-dolly.jsonl\"]"], "save_steps": ["save_steps=1"], "save_total_limit": ["save_total_limit=1"],
                "load_best_model_at_end": best, "metric_for_best_model": best + ["metric_for_best_model=eval_loss"],
                "greater_is_better": best + ["greater_is_better=true"], "early_stopping_patience": best + ["early_stopping_patience=1"],
                "early_stopping_threshold": best + ["early_stopping_patience=1", "early_stopping_threshold=1"],
                "logging_steps": ["logging_steps=2"], "sample_steps": ["sample_steps=3"], "sample_prompt": ["sample_prompt=x"],
                "report_to": ["report_to=[\"tensorboard\"]"], "seed": ["seed=7"], "data_seed": ["data_seed=7"], "threads": ["threads=1"],
                "resume_from_checkpoint": ["resume_from_checkpoint=latest"], "export.to": ["export={\"to\":\"mpo\"}"],
                "export.dtype": ["export={\"dtype\":\"fp32\"}"], "export.path": ["export={\"path\":\"\(directory)/exported\"}"],
            ]
        }

        static func base(in directory: String) throws -> SmallJob {
            var job = try SmallJob(in: directory)
            try FileManager.default.copyItem(atPath: job.configuration.model, toPath: directory + "/model")
            job.configuration.trainable = []
            job.configuration.gradientAccumulationSteps = 1
            job.configuration.warmupSteps = 0
            job.configuration.maxSteps = 3
            job.configuration.evaluationMaxRows = 1
            (job.configuration.evaluationSteps, job.configuration.sampleSteps) = (nil, nil)
            job.configuration.dtype = .fp32
            return job
        }

        @Test func everyKeyIsHere() {
            let keys = Configuration.nestedKeys.map(\.name), changes = Self.changes("/x")
            let leaves = keys.filter { key in !keys.contains { $0.hasPrefix(key + ".") } }
            #expect(leaves.filter { changes[$0] == nil } == [])
        }

        /// Either a change is accepted, or the advice makes it so, or none is given and the reason is.
        @Test func adviceWorks() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let base = try Self.base(in: directory)
                _ = try base.run(stopAfter: 2)
                #expect(try base.numbers().progress.step == 2)
                let run = base.configuration.outputDirectory
                try FileManager.default.moveItem(atPath: run, toPath: directory + "/stopped")
                var refused = 0, settled = 0
                for (key, overrides) in Self.changes(directory).sorted(by: { $0.key < $1.key }) {
                    var job = base
                    job.configuration = try Configuration.parse(Array(base.configuration.canonicalText.utf8), file: "x.json", overrides: overrides)
                    func resume(allowing keys: [String]) throws -> SmallJob.Outcome {
                        for place in ["run", "elsewhere", "answers", "exported"] { try? FileManager.default.removeItem(atPath: directory + "/" + place) }
                        try FileManager.default.copyItem(atPath: directory + "/stopped", toPath: run)
                        return try job.run(resume: .checkpoint(run + "/checkpoint-00000002.h5"), allowing: keys)
                    }
                    do {
                        #expect(try resume(allowing: []).result.ending == .complete, "\(key)")
                    } catch let error as HealError where error.code == .checkpoint {
                        refused += 1
                        let lines = error.description.split(separator: "\n").dropFirst()
                        let advised = lines.compactMap { $0.firstMatch(of: /--allow-changes (\S+) accepts it/).map { String($0.1) } }
                        if advised.count == lines.count {
                            let outcome = try resume(allowing: advised)
                            #expect(outcome.result.ending == .complete && outcome.resumedStep == 2, "\(key): \(advised)")
                        } else {
                            settled += 1
                            #expect(lines.contains { $0.contains("cannot change") }, "\(key): \(error)")
                            // The group's name is no way around it.
                            let group = String(key.prefix { $0 != "." })
                            let again = #expect(throws: HealError.self, "\(key)") { try resume(allowing: [key, group]) }
                            #expect(again?.code == .checkpoint, "\(key)")
                        }
                    }
                }
                #expect(refused > 50 && settled > 20, "\(refused) \(settled)")
            }
        }

        /// With other rows the old place in them may mean nothing: then the pass over them begins again, and the run says so.
        @Test func fewerRows() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let base = try Self.base(in: directory)
                var long = base
                long.configuration.maxSteps = 30
                long.configuration.learningRateScheduler = .constant
                let first = try long.run(stopAfter: 12)
                #expect(first.result.step > 5)
                var fewer = long
                fewer.configuration.datasets.removeLast(2)
                let path = directory + "/few.jsonl"
                let rows = try Data(contentsOf: URL(fileURLWithPath: fewer.configuration.datasets[0].path)).split(separator: 0x0A)
                try Data(rows.prefix(8).joined(separator: [0x0A])).write(to: URL(fileURLWithPath: path))
                fewer.configuration.datasets[0].path = path
                let second = try fewer.run(resume: .latest, allowing: ["datasets"])
                #expect(second.result.ending == .complete)
                #expect(second.events.contains { if case .run(.warning(_, let text)) = $0 { text.contains("begins again") } else { false } })
            }
        }
    }
}
