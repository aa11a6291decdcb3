import Testing
@testable import Trainer

/// Keys and values of other trainers get advice, and the advice is right.
@Suite struct ForeignKeyTests {
    static let known = Set(Configuration.nestedKeys.map(\.name))

    @Test func adviceNamesKeysThatExist() {
        #expect(ForeignKeys.entries.count > 80)
        for entry in ForeignKeys.entries {
            for own in entry.own { #expect(Self.known.contains(own), "\(own), for \(entry.names)") }
            #expect(!entry.own.isEmpty || !entry.words.isEmpty, "\(entry.names)")
        }
        for entry in ForeignKeys.values { #expect(Self.known.contains(entry.key) && !entry.words.isEmpty, "\(entry.key)") }
    }

    /// A key of this program in the table would never be looked up; a name in two lines has two meanings.
    @Test func namesAreForeignAndMeanOneThing() {
        let names = ForeignKeys.entries.flatMap(\.names)
        #expect(Set(names).count == names.count, "\(Dictionary(grouping: names) { $0 }.filter { $1.count > 1 }.keys)")
        for name in names { #expect(!Self.known.contains(name), "\(name)") }
    }

    /// Everything that a configuration of transformers 5 or TRL 1 can have has its place here, or a word.
    @Test func wholeConfigurationsAreKnown() {
        let keys = """
            output_dir per_device_train_batch_size num_train_epochs max_steps learning_rate lr_scheduler_type lr_scheduler_kwargs warmup_steps optim optim_args weight_decay
            adam_beta1 adam_beta2 adam_epsilon optim_target_modules gradient_accumulation_steps average_tokens_across_devices max_grad_norm label_smoothing_factor bf16 fp16
            bf16_full_eval fp16_full_eval tf32 activation_checkpointing activation_checkpointing_kwargs gradient_checkpointing gradient_checkpointing_kwargs torch_compile
            torch_compile_backend use_liger_kernel use_cache neftune_noise_alpha torch_empty_cache_steps auto_find_batch_size logging_strategy logging_steps logging_first_step
            logging_dir log_level disable_tqdm report_to run_name project trackio_space_id eval_strategy eval_steps eval_delay per_device_eval_batch_size prediction_loss_only
            eval_on_start eval_accumulation_steps include_for_metrics batch_eval_metrics save_only_model save_strategy save_steps save_on_each_node save_total_limit push_to_hub
            hub_token hub_private_repo hub_model_id hub_strategy ignore_data_skip full_determinism seed data_seed use_cpu accelerator_config dataloader_drop_last
            dataloader_num_workers remove_unused_columns label_names length_column_name ddp_backend ddp_timeout fsdp fsdp_config deepspeed debug do_train do_eval
            resume_from_checkpoint local_rank model_init_kwargs trust_remote_code chat_template_path dataset_text_field dataset_kwargs dataset_num_proc eos_token max_length
            truncation_mode shuffle_dataset packing packing_strategy padding_free pad_to_multiple_of eval_packing completion_only_loss assistant_only_loss loss_type
            activation_offloading model_name_or_path model_revision attn_implementation use_peft lora_r lora_alpha lora_target_modules load_in_4bit dataset_name
            base_model sequence_len sample_packing train_on_inputs micro_batch_size num_epochs optimizer lr_scheduler val_set_size flash_attention adapter lora_dropout wandb_project
            cutoff_len template dataset finetuning_type stage preprocessing_num_workers max_samples overwrite_output_dir gradient_clipping evaluation_strategy tokenizer_name
            """
        for key in keys.split(whereSeparator: \.isWhitespace).map(String.init) where !Self.known.contains(key) {
            #expect(ForeignKeys.hint(for: key) != nil, "\(key)")
        }
        #expect(ForeignKeys.hint(for: "LoRA-R") == ForeignKeys.hint(for: "lora_r") && ForeignKeys.hint(for: "qqqq") == nil)
        #expect(ForeignKeys.hint(for: "datasets[3].data_files") == "did you mean \"path\"?")
    }
}
