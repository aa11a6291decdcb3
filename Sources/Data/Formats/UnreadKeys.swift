import Basics

/// The keys of rows that say something nobody reads: worth a word, as they may have been meant to count.
enum UnreadKeys {
    /// The names of such keys in one row, without those that only keep books about it. Keys of turns are written `turn.key`.
    static func of(_ row: JSONRow, format: DataFormat) -> [String] {
        let reader = format.reader
        var names = row.members.filter { !isRead($0, of: row, reader) && !isKnownAs($0, in: row, format) }.map(\.key)
        for turn in reader.turns(in: row) {
            for member in turn.members ?? [] where !isRead(member, ofTurn: turn, row.columns) { names.append("turn.\(member.key)") }
        }
        return names
    }

    private static func isRead(_ member: JSON.Member, of row: JSONRow, _ reader: any RecordFormat) -> Bool {
        if !member.value.saysSomething || bookkeeping.contains(member.key) { return true }
        return row.columns.field(of: member.key).map(reader.fields.contains) ?? false
    }

    private static func isRead(_ member: JSON.Member, ofTurn turn: JSON, _ columns: ColumnNames) -> Bool {
        if !member.value.saysSomething || bookkeeping.contains(member.key) { return true }
        guard let field = columns.field(of: member.key) else { return false }
        if ["train", "training", "loss"].contains(field) { return !asksForMore(member.value, turn) }
        return ["role", "content", "from", "value"].contains(field) || ToolFields.keys.contains(field) || LossFlags.keys.contains(field)
    }

    /// Whether a flag wants a turn trained that is not the assistant's.
    private static func asksForMore(_ flag: JSON, _ turn: JSON) -> Bool {
        guard flag == true || flag == 1, let name = (turn["role"] ?? turn["from"])?.string, let role = Role(alias: name) else { return false }
        return !role.isAssistant
    }

    /// Keys that say again what the conversation says.
    private static func isKnownAs(_ member: JSON.Member, in row: JSONRow, _ format: DataFormat) -> Bool {
        guard format == .messages || format == .sharegpt else { return false }
        let turns = format.reader.turns(in: row)
        func says(_ role: Role) -> Bool {
            turns.contains { turn in
                (turn["role"] ?? turn["from"])?.string.flatMap(Role.init(alias:)) == role && (turn["content"] ?? turn["value"]) == member.value
            }
        }
        return switch member.key {
        case "prompt": says(.user)  // UltraChat-200k
        case "system_prompt": says(.system)  // OpenHermes
        default: false
        }
    }

    /// Where a row comes from, how it was made and what somebody thinks of it.
    private static let bookkeeping: Set<String> = [
        "id", "_id", "ids", "idx", "index", "ind", "uid", "uuid", "guid", "hash", "sha", "sha256", "md5", "__index_level_0__",
        "source", "sources", "origin", "source_id", "dataset", "dataset_name", "data_source", "split", "split_type", "subset", "file", "filename",
        "file_path", "path", "url", "urls", "link", "dump", "date", "time", "timestamp", "created", "created_at", "created_time", "updated_at", "version",
        "category", "categories", "subcategory", "topic", "topics", "tag", "tags", "title", "subject", "domain", "class", "task", "task_id",
        "task_name", "task_type", "type", "lang", "language", "languages", "language_score", "license", "licence", "copyright",
        "prompt_id", "prompt_source", "conversation_id", "message_id", "message_tree_id", "tree_id", "parent_id", "thread_id", "session_id",
        "user_id", "author", "annotator", "annotations", "model", "model_name", "model_version", "generator", "num_turns", "n_turns", "turn", "length",
        "tokens", "num_tokens", "n_tokens", "token_count", "word_count", "score", "scores", "score_chosen", "score_rejected", "rating", "ratings",
        "quality", "quality_score", "difficulty", "rank", "toxic", "toxicity", "redacted", "moderation", "openai_moderation", "review_state",
        "meta", "metadata", "info", "skip_prompt_formatting", "views", "avatarUrl", "custom_instruction", "parallel_tool_calls", "hostname", "html",
    ]
}
