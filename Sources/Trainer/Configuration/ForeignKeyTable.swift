/// What other trainers call things: transformers' `TrainingArguments`, TRL's `SFTConfig`, axolotl, LLaMA-Factory, torchtune, and what people write.
///
/// Data, a line for each kind: names (with the groups around them; `*` stands for the rest of a name), the keys that do it here, and words. Words in
/// brackets belong to the question "did you mean ...?"; others follow it, or stand alone where there is no such key.
enum ForeignKeyTable {
    static let keys = #"""
        model_name_or_path base_model model_path model_name model_id pretrained_model_name_or_path checkpoint_dir checkpointer | model |
        model_revision revision_of_model revision base_model_config model_type type_of_model tokenizer_type cls_model_config | | files are taken as they lie there; remove it
        tokenizer_name_or_path tokenizer_name tokenizer_path tokenizer_config | tokenizer |
        template chat_template_path chat_template_jinja conversation_template prompt_template | chat_template |
        trust_remote_code model_init_kwargs overrides_of_model_* | | no code of a model is run; remove it
        resize_vocab resize_token_embeddings_to_32x add_tokens add_special_tokens new_special_tokens_config special_tokens tokens added_tokens_overrides mean_resizing_embeddings | | the vocabulary stays the model's; remove it
        eos_token pad_token bos_token | | the marks are the tokenizer's and the chat template's; change them in the model's files
        rope_scaling rope_theta model_max_length | | it is the model's, in its config.json
        attn_implementation flash_attention flash_attn flash_attention_2 sdp_attention xformers_attention flex_attention eager_attention sage_attention shift_attn s2_attention attention_* flash_attn_* | | attention is always computed in tiles here; remove it
        use_liger_kernel liger_kernel_config enable_liger_kernel use_unsloth use_unsloth_gc torch_compile* compile use_kernels lora_mlp_kernel lora_qkv_kernel lora_o_kernel cut_cross_entropy liger_* chunked_cross_entropy* tiled_mlp* | | fused loops and cross-entropy in pieces are always on; remove it
        device device_map use_cpu no_cuda use_gpu n_gpu num_gpus gpu* cuda* low_cpu_mem_usage max_memory | | it computes on the processor; see "threads"
        use_cache use_kv_cache | | it has no meaning in training; remove it
        dataset data train_file train_data dataset_path dataset_name dataset_dir data_path data_dir data_files train_files train_dataset dataset_mixer | datasets | ([{"path": ...}])
        pretraining_dataset | datasets | ([{"path": ..., "format": "text"}])
        eval_dataset test_datasets validation_file eval_file val_file valid_file dev_file test_file val_dataset valid_dataset dataset_val dataset_valid dataset_test val_data validation_data | datasets | ([{"path": ..., "split": "validation"}])
        validation_split test_size val_set_size test_split_size eval_size dataset_test_split val_split | val_size |
        dataset_train_split dataset_config dataset_config_name dataset_revision hf_use_auth_token dataset_streaming streaming | | a data set is a file on the disk, read row by row; datasets/README.md says how to get one
        dataset_text_field text_field text_column field | | the rows' own keys tell the format: a row of plain text is {"text": ...}
        dataset_kwargs dataset_prepared_path tokenized_path dataset_num_proc dataset_processes preprocessing_num_workers preprocessing_batch_size overwrite_cache dataloader_* dataset_keep_in_memory buffer_size skip_prepare_dataset remove_unused_columns label_names data_shared_file_system | | rows are read and encoded while the run goes on; remove it
        cache_dir hf_cache_dir | | nothing is downloaded, so nothing is kept of it; "compression.cache" keeps decomposed matrices
        max_samples max_train_samples num_samples | | all rows are read; cut the file, or give max_steps
        mix_strategy interleave_probs dataset_probs | datasets | ("weight" of each)
        shuffle shuffle_dataset disable_shuffling shuffle_merged_datasets shuffle_before_merging_datasets curriculum_sampling train_sampling_strategy group_by_length length_column_name | | rows are always in an order drawn from data_seed; remove it
        dataset_exact_deduplication | | rows equal to a held-back one are left out of the training; others are your choice
        sample_packing packed neat_packing multipack_real_batches batch_flattening padding_free packing_strategy eval_packing eval_sample_packing pad_to_sequence_len sample_packing_* | packing |
        pad_to_multiple_of group_by_* | | there is no padding; remove it
        cutoff_len max_length sequence_len seq_len seq_length context_length block_size max_tokens max_seq_len model_max_len max_packed_sequence_len | max_seq_length |
        truncation_mode excess_length_strategy min_sample_len max_prompt_len | | a conversation that is longer than max_seq_length loses its end, and a text gives its next part in each pass
        train_on_inputs train_on_input train_on_source | train_on_prompt |
        completion_only_loss assistant_only_loss completion_only train_on_completions_only train_on_responses_only roles_to_train mask_history mask_prompt | train_on_prompt | (false, the default, trains on the assistant's tokens alone; "mask_history" has no counterpart)
        ignore_pad_token_for_loss ignore_bias_buffers | | there is no padding; remove it
        default_system default_system_message system_prompt | | a system turn belongs into the rows
        batch_size micro_batch_size train_batch_size per_gpu_train_batch_size per_device_batch_size | per_device_train_batch_size |
        per_device_eval_batch_size eval_batch_size per_gpu_eval_batch_size batch_size_val val_batch_size | per_device_train_batch_size | (evaluations take batches of that size too)
        gradient_accumulation grad_accum accumulation_steps grad_accumulation_steps | gradient_accumulation_steps |
        auto_find_batch_size | | choose per_device_train_batch_size; --dry-run tells the memory
        lr learning_rate_peak max_lr peak_lr | learning_rate |
        scheduler lr_scheduler scheduler_type lr_schedule | lr_scheduler_type |
        lr_scheduler_kwargs min_lr_rate cosine_min_lr_ratio min_lr min_learning_rate | min_lr_ratio | (a share of learning_rate)
        num_warmup_steps warmup warmup_iters | warmup_steps |
        optimizer | optim |
        optim_args optimizer_kwargs betas beta1 beta2 | adam_beta1, adam_beta2 |
        eps epsilon adam_eps | adam_epsilon |
        grad_clip clip_grad_norm gradient_clipping max_norm max_gradient_norm clip_grad | max_grad_norm |
        wd decoupled_weight_decay | weight_decay |
        optim_target_modules optimizer_in_bwd lr_groups embedding_lr embedding_lr_scale loraplus_* | | all cores learn as core_learning_rate says; remove it
        galore_* use_galore use_apollo apollo_* use_badam badam_* use_muon use_adam_mini lisa_* qgalore_* dion_* relora* | optim | (AdamW is the only optimizer)
        label_smoothing label_smoothing_factor loss_type loss use_dft_loss use_eaft* router_aux_loss_coef | | the loss is the cross-entropy, mixed with a teacher's by "distillation"; remove it
        neftune_noise_alpha noisy_embedding_alpha | | no noise is added to embeddings; remove it
        dropout attention_dropout hidden_dropout | | there is no dropout; remove it
        average_tokens_across_devices | | the loss is always a mean over all tokens of a step; remove it
        bf16 bfloat16 pure_bf16 | dtype | ("bf16" for true, "fp32" for false, "auto" to leave it to the processor)
        fp16 float16 fp8* half | dtype | ("auto", "bf16" or "fp32"; there is nothing smaller)
        torch_dtype mixed_precision precision compute_dtype infer_dtype | dtype | ("auto", "bf16" or "fp32")
        bf16_full_eval fp16_full_eval tf32 float32 full_determinism upcast_* fp32_norms* | | evaluations compute as the training does, and the same seed gives the same bits; remove it
        param_dtype weights_dtype master_weights | master_dtype | ("fp32" or "bf16")
        load_in_4bit load_in_8bit quantization* bnb_* double_quantization quantize* use_bnb_nested_quant gptq* loftq* | optim | ("adamw_8bit" and "master_dtype": "bf16" save memory; a model is read in the type it is stored in)
        activation_checkpointing gradient_checkpoint enable_activation_checkpointing gradient_checkpointing_kwargs activation_checkpointing_kwargs use_reentrant* selective_checkpointing disable_gradient_checkpointing activation_offloading enable_activation_offloading layer_offloading offload* | gradient_checkpointing |
        lora* peft* use_peft use_dora use_rslora use_lora qlora* adapter adapter_* oft_* pissa_* finetuning_type additional_target create_new_adapter merge_lora freeze_* | trainable, compression | (the cores of compressed matrices are what is trained; "trainable" names weights besides)
        unfrozen_parameters modules_to_save trainable_modules trainable_layers train_layers | trainable |
        stage do_train do_eval do_predict train_from_scratch predict_with_generate rl rl_* reward_* dpo* kto* orpo* simpo* ppo* pref_* cpo* ref_model* trl vllm* qat task | | this program heals a compressed model on chats and text, and nothing else; remove it
        epochs num_epochs n_epochs train_epochs max_epochs | num_train_epochs |
        steps max_steps_per_epoch num_steps total_steps num_training_steps max_iters iters | max_steps |
        eval_strategy evaluation_strategy eval_every eval_interval eval_freq evals_per_epoch eval_every_n_steps run_val_every_n_steps val_check_interval do_eval_steps | eval_steps | (steps between evaluations; null for none in between)
        eval_accumulation_steps eval_delay eval_on_start eval_do_concat_batches eval_use_gather_object prediction_loss_only batch_eval_metrics include_for_metrics compute_metrics do_causal_lm_eval do_bench_eval eval_sequence_len | | an evaluation is the loss on held-back rows, also before the first step; remove it
        max_eval_samples eval_samples num_eval_samples max_val_samples | eval_max_rows |
        save_strategy save_every save_interval saves_per_epoch save_freq checkpoint_every save_every_n_steps | save_steps | (steps between checkpoints)
        save_total max_checkpoints keep_last_n_checkpoints checkpoints_total_limit | save_total_limit |
        save_only_model save_safetensors save_on_each_node save_first_step save_adapter_weights_only enable_jit_checkpoint dynamic_checkpoint restore_callback_states_from_checkpoint ignore_data_skip | | a checkpoint always holds all that a run needs to go on with the same numbers; "export" writes the model for other programs
        logging_strategy log_every log_every_n_steps log_interval logging_interval log_freq | logging_steps |
        logging_first_step logging_nan_inf_filter log_level log_level_replica disable_tqdm log_on_each_node include_num_input_tokens_seen include_tokens_per_second include_effective_tokens_per_second include_tkps log_peak_memory_stats skip_memory_metrics plot_loss debug profiler* enable_torch_profiler print_param_status | | every report has the loss, the rate, the tokens a second and the memory; --verbose tells more
        logging_dir log_dir run_name project output output_directory out_dir save_dir experiment_name | output_dir |
        overwrite_output_dir | | no run is written over: --resume goes on with it; to start anew, choose another output_dir, or remove the old one
        export_dir export_path | export.path | ({"export": {"to": "hf", "path": ...}})
        wandb* use_wandb mlflow* use_mlflow comet* use_comet swanlab* use_swanlab trackio* use_trackio neptune* clearml* metric_logger use_tensorboard hf_mlflow* gradio* use_otel* otel* | report_to | ("jsonl" and "tensorboard"; nothing is sent over the network)
        push_to_hub push_dataset_to_hub hub_* export_hub_model_id *_hub_token | | nothing is uploaded; "export" writes a directory, and `hf upload` takes it from there
        generate_samples num_generation_samples generation_* do_sample sample_every sample_interval | sample_steps |
        prompt test_prompt eval_prompt | sample_prompt |
        resume resume_from auto_resume_from_checkpoints resume_checkpoint recipe_checkpoint | resume_from_checkpoint |
        random_seed manual_seed set_seed | seed |
        shuffle_seed train_seed | data_seed |
        num_threads workers num_workers num_proc n_threads | threads |
        fsdp* deepspeed deepcompile ddp* accelerator_config parallelism_config tensor_parallel* sequence_parallel* context_parallel* dp_* local_rank world_size use_ray ray_* | | several machines run one job under mpirun or srun (docs/cluster.md); remove it
        torch_empty_cache_steps gc_* | | memory is used again without being told to; remove it
        strict | | a configuration is always read strictly; remove it
        _comment comment // notes name title | description |
        plugins hyperparameters training_args trainer defaults recipe | | its keys stand at the top level here; configs/README.md lists them

        compression.rank compression.max_rank compression.chi compression.bond compression.bond_dim compression.tt_rank compression.max_bond | compression.bond_dimension |
        compression.ratio compression.keep_ratio compression.compression_ratio compression.fraction compression.keep_share | compression.keep | , the share of the parameters that stays
        compression.sparsity compression.prune_ratio | compression.keep | , the share that stays: 1 less it
        compression.target_modules compression.modules compression.layers | compression.rules, compression.skip |
        compression.contraction | compression.plan |
        compression.factors compression.rules.factors | | legs are written "legs": [[o1, i1], [o2, i2], ...] now, with a pair for each core
        compression.calibration.samples compression.calibration.num_samples compression.calibration.rows compression.calibration.n_samples compression.calibration.nsamples | compression.calibration.tokens | Rows are counted by their tokens
        compression.calibration.damping compression.calibration.ridge compression.calibration.regularization | compression.calibration.shrinkage |
        compression.local.lr | compression.local.learning_rate |
        compression.local.steps compression.local.num_train_epochs | compression.local.epochs |

        datasets.name datasets.file datasets.data_files datasets.data_path datasets.dataset datasets.file_name datasets.script_url datasets.source | datasets.path |
        datasets.type datasets.formatting datasets.ds_type datasets.input_format datasets.conversation datasets.conversation_style | datasets.format |
        datasets.ratio datasets.probability datasets.proportion datasets.prob | datasets.weight |
        datasets.tags datasets.field* datasets.message_* datasets.column_map* datasets.conversation_column | datasets.columns | ({"field of the format": "column"})
        datasets.roles* | | the usual words for roles are known; datasets/README.md lists them
        datasets.train_on_eos datasets.train_on_eot datasets.roles_to_train datasets.train_on_split datasets.train_on_input* | train_on_prompt | (the mark that ends an assistant's turn is always trained)
        datasets.chat_template | chat_template | (one for all data)
        datasets.shards* datasets.preprocess_shards datasets.subset datasets.split_thinking datasets.revision datasets.trust_remote_code datasets.hf_hub_url datasets.streaming | | a data set is a file on the disk; remove it

        distillation.alpha distillation.kl_weight distillation.lambda distillation.ratio distillation.kd_ratio | distillation.weight | , the divergence's share of the loss
        distillation.tau distillation.kd_temperature | distillation.temperature |
        distillation.top_k distillation.k distillation.samples distillation.draws | distillation.cache_size |
        distillation.cache_path distillation.cache_dir distillation.logits | distillation.cache |
        distillation.model distillation.teacher_model distillation.teacher_path | distillation.teacher |
        teacher teacher_model teacher_path teacher_model_name_or_path kd_temperature kd_ratio kd_* | distillation | ({"teacher": ..., "weight": ..., "temperature": ...})

        export.format export.target export.type | export.to |
        export.dir export.directory export.output_dir export.out | export.path |
        export.torch_dtype export.precision | export.dtype |
        """#

    /// Values of known keys, and what stands for them here.
    static let values = #"""
        lr_scheduler_type cosine_with_min_lr cosine_with_min_lr_rate | "cosine" with min_lr_ratio is the same here
        lr_scheduler_type constant_with_warmup | "constant" warms up too: with warmup_steps or warmup_ratio
        lr_scheduler_type cosine_with_restarts cosine_warmup_with_min_lr one_cycle rex | there are no restarts; "cosine" comes nearest
        lr_scheduler_type polynomial inverse_sqrt warmup_stable_decay wsd linear_with_warmup greedy reduce_lr_on_plateau | "linear" comes nearest
        optim adamw_torch adamw_torch_fused adamw_hf adamw_apex_fused adamw_torch_xla adamw_torch_npu_fused adamw_anyprecision adam adamw_fused | "adamw" is the same here
        optim paged_adamw_8bit adamw_bnb_8bit adamw_8bit_bnb ademamix_8bit adamw_torch_8bit paged_ademamix_8bit | "adamw_8bit" is its like here
        optim paged_adamw paged_adamw_32bit | "adamw" is its like here; "adamw_8bit" takes a quarter of the memory
        optim adamw_torch_4bit lion* paged_lion* rmsprop* sgd adagrad adafactor galore* apollo* lomo adalomo grokadamw schedule_free* muon stable_adamw ademamix came_pytorch shampoo | AdamW is the only optimizer; "adamw_8bit" takes the least memory
        dtype float32 float fp32_full single f32 | "fp32" is the same here
        dtype bfloat16 torch.bfloat16 b16 | "bf16" is the same here
        dtype float16 fp16 half torch.float16 int8 fp8 | there is nothing smaller than "bf16"
        export.dtype float32 f32 | "fp32" is the same here
        export.dtype bfloat16 float16 fp16 | "bf16" is the nearest here
        export.to gguf | export "hf", and llama.cpp's convert_hf_to_gguf.py makes a GGUF of it
        export.to huggingface transformers safetensors dense merged | "hf" is a dense Hugging Face directory
        export.to cores tt tensor_train | "mpo" keeps the cores
        report_to wandb mlflow comet_ml neptune clearml swanlab trackio azure_ml codecarbon dagshub dvclive flyte all | nothing is sent over the network; "tensorboard" and "jsonl" are files in the output directory
        trainable all full everything all_linear | ["*"] trains every weight; without the key the cores alone are trained
        trainable none | an empty list [] trains the cores alone
        resume_from_checkpoint true yes on auto last newest | "latest" goes on from the newest checkpoint in output_dir, or starts anew where there is none
        resume_from_checkpoint false no off none null | without the key a run starts anew
        report_to none no off | an empty list [] reports to nothing
        datasets.format completion pretrain pretraining | "text" is the same here
        datasets.format chat_template openai chatml chat | "messages" is the same here
        datasets.format alpaca_chat oasst instruct gpteacher | "alpaca" is the same here
        on_bad_line ignore drop warn pass | "skip" leaves bad rows out and counts them
        on_bad_line stop fail raise strict | "error" is the same here
        """#
}
