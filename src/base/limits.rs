//! Every bound in one place, each with its reason.
//!
//! A loop, queue, recursion or buffer elsewhere names a bound from here.

/// A record larger than this is refused when decoded. An evaluation with 200,000 test names is
/// about 20 MiB; a chunked tree node is under 1 MiB.
pub const RECORD_BYTES_MAX: usize = 64 << 20;

/// Elements of a chunk of a tree: the least, one in how many (past the least) ends it, and
/// the most, whatever the content says. So a folder of ordinary size is one node.
pub const CHUNK_LISTED: (usize, u64, usize) = (32, 32, 256);

/// The same for documents and names. Smaller, because a step of an agent changes one or two
/// fields of its state and every node on the way there is written anew. For a state of 50 KB with
/// 20 × 100 fields, 1 to 3 of which change, in bytes a step (mean and most of 200; then with zstd 3
/// step by step and all steps in one block): these 3,054 and 4,668; 1,543; 333. (32, 32, 256):
/// 5,313 and 8,081; 1,683; 267. (8, 8, 64): 3,522 and 7,171; 1,555; 338. (4, 4, 64): 2,917 and
/// 4,919; 1,647; 485. For 10,000 memos and verdicts, moving one branch writes 8,756 bytes and
/// adding one of each 28,117, where (32, 32, 256) writes 22,932 and 63,986.
pub const CHUNK_VALUES: (usize, u64, usize) = (12, 4, 64);

/// Levels of index above the leaves. 12 children at least on each full level: 12 levels hold more
/// elements than a disk can.
pub const CHUNK_LEVELS_MAX: usize = 12;

/// Nested folders. Trees are walked by recursion, and a thread has 2 MiB of stack: in a debug build
/// some 600 levels fill it. `node_modules` at its worst is some 60 deep.
pub const TREE_DEPTH_MAX: usize = 256;

/// Files, links and folders of one tree: as many as a stat cache holds (see
/// [`STAT_CACHE_BYTES_MAX`]). The largest repositories have some four million files. A tree that
/// stands for more is refused before it is walked: each path of a difference takes some 200 bytes.
pub const TREE_ENTRIES_MAX: u64 = 10_000_000;

/// Bytes of a path in a tree: Linux opens no longer one (`PATH_MAX` is 4,096 with the NUL).
pub const TREE_PATH_BYTES_MAX: usize = 4_095;

/// Bytes of the target of a link: no system stores a longer one (`PATH_MAX` again).
pub const LINK_TARGET_BYTES_MAX: usize = 4_095;

/// Bytes in one name of a tree: `NAME_MAX` of every file system that we know is 255.
pub const NAME_BYTES_MAX: usize = 255;

/// Bytes in a branch, tag or session name, so that it fits one file name with room for a suffix.
pub const LABEL_BYTES_MAX: usize = 200;

/// Nested levels of a JSON document, the bound that `serde_json` has, too.
pub const DOCUMENT_DEPTH_MAX: usize = 128;

/// A subtree of a document that encodes to at most this stays inside its parent: a node of its own
/// costs an index entry of about 56 bytes and a look-up.
pub const DOCUMENT_INLINE_BYTES_MAX: usize = 512;

/// Parts of a node in memory before it is cut in two: twice what a stored node has at most, so that
/// edits in one place do not copy ever more.
pub const LIVE_NODE_PARTS_MAX: usize = 128;

/// Bytes that the copies of one patch may stand for in memory, where they share what they copy.
/// Copies of copies double with each operation; a state has some hundred kilobytes.
pub const PATCH_COPY_BYTES_MAX: u64 = 16 << 20;

/// A string of a document longer than this is a blob of its own, shared like any other.
pub const DOCUMENT_STRING_BYTES_MAX: usize = 1024;

/// Bytes in a key of a map. Keys stand in every index above them.
pub const DOCUMENT_KEY_BYTES_MAX: usize = 64 << 10;

/// Bytes of a document that is read into memory as a whole. Shared nodes could stand for more than
/// any memory holds.
pub const DOCUMENT_READ_BYTES_MAX: u64 = 1 << 30;

/// Pairs of items that one difference of two values in memory compares in lists without an identity
/// field (2,000 × 2,000 once): 16 MB and some 10 ms. Beyond that such lists are compared by position.
pub const PATCH_LIST_CELLS_MAX: u64 = 4_000_000;

/// Files larger than this are cut by content before they are stored.
pub const BLOB_WHOLE_BYTES_MAX: u64 = 1 << 20;

/// Sizes of the pieces of a large file (FastCDC): least, average, most.
pub const PIECE_BYTES: (u32, u32, u32) = (64 << 10, 256 << 10, 1 << 20);

/// Bytes of a large file in memory while it is cut: four pieces of the largest size. With one, what
/// is left of it moved for each piece.
pub const BLOB_WINDOW_BYTES: usize = 4 << 20;

/// A compressed block of a pack is closed when its content reaches this. 1 MiB blocks gave
/// 194 MB for the Linux source where single files gave 242 MB (design.md §5).
pub const BLOCK_BYTES: usize = 1 << 20;

/// The same for a block of records, which are read one by one from all over the store: a name that
/// has not moved lies where it was written. With 100,000 snapshots and 1,000 tags `exp log -n 20`
/// takes 13.5 ms of processor time and 20 MB so, 54 ms and 77 MB with blocks of 1 MiB; the store has
/// 61 MB, not 57.
pub const RECORD_BLOCK_BYTES: usize = 128 << 10;

/// No block's content is larger: a blob of up to 1 MiB may start in a nearly full one.
pub const BLOCK_BYTES_MAX: usize = 80 << 20;

/// A pack is closed when its file reaches this.
pub const PACK_BYTES_MAX: u64 = 512 << 20;

/// Blocks that stay decompressed in memory while a store is open.
pub const BLOCK_CACHE_BYTES: usize = 64 << 20;

/// Packs of one size class before they are compacted into one.
pub const PACKS_PER_CLASS_MAX: usize = 16;

/// Views one in the other: an approach that opens approaches, and so on. Each level has processes of
/// its own for each of its approaches.
pub const VIEW_DEPTH_MAX: u32 = 4;

/// Times a commit plans again when others moved the heads meanwhile.
pub const COMMIT_TRIES_MAX: usize = 64;

/// Times a file that changes while it is read is read again before it is reported as racing.
pub const RACE_TRIES_MAX: usize = 3;

/// Bytes of a command's output kept in memory (its end); the log on disk has all of it.
pub const OUTPUT_TAIL_BYTES: usize = 64 << 10;

/// Bytes of a command's standard output kept in memory (its start): metric lines and the answers of
/// helper commands are far below.
pub const OUTPUT_STDOUT_BYTES_MAX: usize = 1 << 20;

/// Bytes of a command's log on disk; beyond that the middle is dropped and that is said.
pub const OUTPUT_LOG_BYTES_MAX: u64 = 1 << 30;

/// Seconds between asking a process to stop and killing it.
pub const KILL_GRACE_SECONDS: u64 = 5;

/// Bytes of a test report that are read.
pub const REPORT_BYTES_MAX: u64 = 256 << 20;

/// Bytes of a text file that are diffed or merged by line; larger ones are "changed".
pub const TEXT_BYTES_MAX: u64 = 8 << 20;

/// Operations that are looked through for one to undo, and by `op log`.
pub const OPERATIONS_WALK_MAX: usize = 1_000_000;

/// Nodes that a walk of the DAG visits at most; 10,000 operations an hour fill it in 40 days.
pub const SNAPSHOTS_WALK_MAX: usize = 10_000_000;

/// Approaches in one experiment.
pub const APPROACHES_MAX: usize = 1_000;

/// Bytes of a file that stands whole in a patch: both sides are in memory, and again compressed. One
/// that is larger is named, and the patch does not apply to it.
pub const PATCH_BYTES_MAX: u64 = 256 << 20;

/// Pairs of a removed and a new file that a merge compares to find renames: a hundred of each. Beyond
/// that only the same content counts.
pub const RENAME_PAIRS_MAX: usize = 10_000;

/// Lines of a text that are diffed or merged; a text of more is "changed". A machine wrote it, and
/// nobody reads its difference.
pub const TEXT_LINES_MAX: usize = 400_000;

/// Bytes at the start of a file that are looked at for a NUL, which makes it binary.
pub const BINARY_LOOK_BYTES: usize = 8 << 10;

/// Snapshots that the log reads beyond those that it shows, so that a clock that went back a
/// little does not put a parent before its child.
pub const SNAPSHOTS_LOOKAHEAD: usize = 64;

/// Bytes of the shortest line or value of forgotten content that is looked for in logs: shorter ones
/// stand everywhere.
pub const FORGET_NEEDLE_BYTES_MIN: usize = 8;

/// Bytes of the longest log that is looked through for forgotten content; a longer one is named.
pub const FORGET_LOG_BYTES_MAX: u64 = 64 << 20;

/// Percent of a store's quota from which on every command says so: at 10,000 operations an hour an
/// agent needs hours for the last fifth.
pub const QUOTA_SAID_PERCENT: u64 = 80;

/// Percent from which on hooks record nothing more, so that what somebody asks for still can be.
pub const QUOTA_SHORT_PERCENT: u64 = 95;

/// Seconds that opening the catalogue may take before it is taken for hung and set aside. 500,000
/// entries open in 30 ms (design.md §5).
pub const CATALOGUE_OPEN_SECONDS_MAX: u64 = 20;

/// Bytes that the catalogue keeps in memory; its own default is 1 GiB.
pub const CATALOGUE_CACHE_BYTES: u64 = 32 << 20;

/// Changes of the catalogue that are collected before they are written: some 20 MiB. The more there
/// are, the more of them go to one page.
pub const CATALOGUE_STAGED_MAX: usize = 60_000;

/// Changes of the catalogue that are written as one batch. Sled keeps all that a batch replaces until
/// its end: in batches of 20,000 the first build of 100,000 snapshots took 830 MB.
pub const CATALOGUE_BATCH_MAX: usize = 2_000;

/// Bytes of a text kept in the catalogue, so that no value passes 1 KB: a message; any other.
pub const CATALOGUE_TEXT_BYTES_MAX: (usize, usize) = (400, 100);
/// Times a taken lock is tried again before the answer is "busy", and the pause between.
/// Together 5 s: a commit holds its lock for two syncs, which on a slow disk take 100 ms.
pub const LOCK_TRIES_MAX: usize = 1_000;

/// See [`LOCK_TRIES_MAX`].
pub const LOCK_PAUSE_MS: u64 = 5;

/// Times a workspace's lock is tried: 5 s, too. Verbs hold it while they capture or restore, and many
/// agents in one workspace take turns; what holds it for longer is a command that somebody runs there.
pub const WORKSPACE_LOCK_TRIES_MAX: usize = LOCK_TRIES_MAX;

/// Times it is tried in passing: 0.5 s. A hook must not keep an agent, nor does who only looks wait for
/// a restore that can be shown as it is.
pub const WORKSPACE_LOCK_TRIES_BRIEF: usize = 100;

/// Blocks that a writer fills side by side, one a thread, so that neighbours stay together.
pub const OPEN_BLOCKS_MAX: usize = 16;

/// How hard zstd tries where little is written: 3 is its default.
pub const COMPRESSION_LEVEL: i32 = 3;

/// Blocks longer than this are compressed as `LARGE_BLOCK_ZSTD` says: they come from many files at once,
/// and somebody waits. From here on zstd takes its parameters for large contents.
pub const LARGE_BLOCK_BYTES_MIN: usize = 256 << 10;

/// Level, size of the table (a power of two), least length of a match, window (a power of two). The tables
/// stay in the nearest caches. The first snapshot of the Linux source (two cores, medians in turns) takes
/// 2.18 s and 236 MB so; with level 3 2.67 s and 221 MB, or 2.50 s with a table of 2^16; with level 2
/// 2.3 s and 233 MB; with level 1 2.18 s and 242 MB. git has 255 MB after its gc; `gc --repack`
/// writes with `REWRITE_LEVEL`.
pub const LARGE_BLOCK_ZSTD: (i32, u32, u32, u32) = (1, 15, 7, 20);

/// Packs up to this size are of the smallest class; each class holds packs 16 times as large.
pub const PACK_CLASS_BYTES: u64 = 64 << 10;

/// Packs from this size on are left alone by compaction.
pub const PACK_SETTLED_BYTES: u64 = 256 << 20;

/// Times a reader lists the packs anew when one that it knew is gone: each time means that a
/// compaction finished meanwhile.
pub const RESCAN_TRIES_MAX: usize = 8;
/// Milliseconds between two looks at whether a running command was cancelled: below what a person
/// notices, and 50 wake-ups a second cost nothing that can be measured.
pub const CANCEL_LOOK_MS: u64 = 20;

/// Lines of compiler errors kept from one output.
pub const ERROR_LINES_MAX: usize = 50;

/// Bytes of one mount's options: the kernel takes one page.
pub const MOUNT_OPTION_BYTES_MAX: usize = 4095;
/// Bytes of a stat cache that are loaded or saved: about ten million files. A larger one is empty.
pub const STAT_CACHE_BYTES_MAX: u64 = 1 << 30;

/// Bytes of a file of settings: `exp.toml`, a store's `config.toml`, what a guess reads of a project, git's
/// own configuration. A thousand times the longest that a person writes.
pub const SETTINGS_BYTES_MAX: u64 = 4 << 20;

/// Bytes of a small file of ours that is read whole: an identity, a note, a lock's holder, a memo of what
/// git tracks (20 million bytes are some 300,000 paths).
pub const SMALL_FILE_BYTES_MAX: u64 = 32 << 20;

/// Bytes of a file that is kept out of snapshots and brought into views (`keep`), such as `.env`.
pub const KEPT_FILE_BYTES_MAX: u64 = 64 << 20;

/// Bytes of a file that a capture reads: at 300 MB a second a quarter of an hour. A larger one is left
/// out by name.
pub const FILE_BYTES_MAX: u64 = 256 << 30;

/// Files of fewer bytes are read even if they are sparse: 20 GB of holes took 71 s.
pub const SPARSE_BYTES_MIN: u64 = 4 << 30;

/// A larger file that holds less than one part in so many of its bytes is left out by name.
pub const SPARSE_SHARE: u64 = 8;

/// Bytes of one file with ignore rules that are read; the rest of a longer one counts for nothing.
pub const RULES_BYTES_MAX: u64 = 4 << 20;

/// Nanoseconds by which a file system's stamps may lag behind the clock: one tick of the kernel is
/// at most 10 ms. A file this young may change again without a new stamp.
pub const STAMP_LAG_NANOS: i64 = 100_000_000;

/// The same for file systems that keep whole seconds (FAT: two).
pub const STAMP_LAG_COARSE_NANOS: i64 = 2_000_000_000;

/// Files and bytes that one task of a capture reads together: neighbours compress well, and a
/// large folder still keeps all cores busy.
pub const READ_TASK_FILES_MAX: usize = 64;

/// See [`READ_TASK_FILES_MAX`].
pub const READ_TASK_BYTES_MAX: u64 = 8 << 20;

/// A restore that writes at most this many files makes each durable by itself; a larger one the
/// whole file system at once.
pub const SYNC_EACH_FILES_MAX: usize = 64;

/// Bytes of a file that are written before the system is asked to begin with bringing them to the disk:
/// large enough for the disk, small enough that the sync at the end waits for little.
pub const WRITE_BEHIND_BYTES: u64 = 8 << 20;

/// A segment of the journal is sealed when it reaches this, by the next append. A one-shot command
/// reads and checks the active one as a whole: 4 MiB take some 3 ms.
pub const JOURNAL_SEGMENT_BYTES: u64 = 4 << 20;

/// The active segment grows in zeros by this much, so that most durable appends change neither its
/// length nor its extents.
pub const JOURNAL_STEP_BYTES: u64 = 256 << 10;

/// Zeros that one write adds to the journal. Linux keeps what one write adds as one folio, and each
/// sync writes folios as a whole: 4 KiB, not 256, for an entry of 500 bytes.
pub const JOURNAL_PAGE_BYTES: usize = 4 << 10;

/// Bytes of one payload, as of a record. A frame may make its segment longer than the bound.
pub const JOURNAL_PAYLOAD_BYTES_MAX: usize = RECORD_BYTES_MAX;

/// Times a reader reads a damaged place of the active segment again before it believes it: what is
/// being written may look damaged for a moment.
pub const JOURNAL_LOOKS_MAX: usize = 8;

/// The first pause of who waits for the journal's lock, in microseconds; it doubles up to
/// [`LOCK_PAUSE_MS`]. An append holds the lock for some 20 µs.
pub const JOURNAL_LOCK_PAUSE_US: u64 = 50;

/// Files of sealed segments that stay open for reading.
pub const JOURNAL_FILES_MAX: usize = 16;

/// Rebuilt states that a process keeps in memory. They share what is equal, so 1,000 steps of one
/// run are little more than one of them.
pub const STATE_CACHE_DOCUMENTS: usize = 1_000;

/// Bytes that those may stand for: 320 states of 200 KB.
pub const STATE_CACHE_BYTES: usize = 64 << 20;

/// Patches after a whole state before the next whole one. To read a state is to read at most this
/// many entries; a whole state of 50 KB is some 10 KB compressed, so it adds 160 bytes a step.
pub const STATE_PATCHES_MAX: u8 = 64;

/// Entries that may be missing before one that is there: 70 MiB of memory stand for them, and 36
/// segments of the journal hold no more. A false number beyond that is damage.
pub const STATE_MISSING_MAX: u64 = 1 << 20;

/// Entries that must be new before the index of a session is kept anew, or an eighth of all where
/// that is more: reading 256 entries takes 1 ms, writing an index of 100,000 takes 10 ms.
pub const STATE_INDEX_KEEP_ENTRIES: u64 = 256;

/// Bodies of entries longer than this are compressed: what is shorter gains little.
pub const STATE_COMPRESS_BYTES: usize = 1 << 10;

/// Bytes of a session's name.
pub const SESSION_NAME_BYTES_MAX: usize = 200;

/// Bytes of a message of a state: a page of text. Longer ones belong into the state.
pub const STATE_MESSAGE_BYTES_MAX: usize = 64 << 10;

/// Puts of a group for which another thread is worth starting: one takes some 30 µs, a thread 20.
pub const GROUP_THREAD_PUTS_MIN: usize = 16;

/// Branches that a session ever has. They are numbered in two bytes and looked up one by one.
pub const STATE_BRANCHES_MAX: usize = 10_000;

/// Tags that one put gives.
pub const STATE_TAGS_MAX: usize = 100;

/// Times an entry is planned again when others were quicker.
pub const STATE_TRIES_MAX: usize = 64;

/// Milliseconds until an automatic state is durable at the latest, if the disk answers. The worker
/// begins to sync after half of it.
pub const AUTOMATIC_SYNC_MS_MAX: u64 = 1_000;

/// Measurements that wait to be written; more are dropped and counted.
pub const METRICS_QUEUE_MAX: usize = 1_000;

/// Bytes of the file of measurements before it is put aside for a new one: 87,000 puts each.
pub const METRICS_FILE_BYTES_MAX: u64 = 4 << 20;

/// Measurements that are written without waiting for more: who puts the last of them wakes the
/// worker, so that 255 of 256 puts wake nobody.
pub const METRICS_BATCH: usize = 256;

/// Milliseconds that a measurement waits for others before it is written.
pub const METRICS_WAIT_MS: u64 = 200;

/// Seconds between automatic snapshots at an interval, unless another number is given.
pub const INTERVAL_SECONDS: u64 = 30;

/// Documents of a history in memory.
pub const HISTORY_STEPS_MAX: usize = 1_000;

/// Names that are offered for one that is not there.
pub const NEAR_NAMES_MAX: usize = 3;

/// Ids that are named when a prefix is ambiguous.
pub const AMBIGUOUS_SHOWN_MAX: usize = 5;

/// Changed places that a put names when it is asked why it was saved or skipped.
pub const EXPLAIN_LINES_MAX: usize = 100;

/// Bytes of a line of a bundle in JSON lines: the largest record as base64.
pub const BUNDLE_LINE_BYTES_MAX: usize = 2 * RECORD_BYTES_MAX;

/// Bytes of a record whose fields are given beside its bytes in JSON lines: nobody reads larger ones.
pub const BUNDLE_FIELDS_BYTES_MAX: usize = 1 << 20;

/// Names that are tried for what is kept beside a name that differs.
pub const NAMES_BESIDE_MAX: usize = 100;
/// Objects that a marking walk has in memory at a time: a node of a directory is some 20 KB at most.
pub const MARK_BATCH: usize = 1_024;

/// Objects that a marking walk reads one after another: for fewer the threads cost more than they
/// save. A chain of snapshots is walked one by one.
pub const MARK_BATCH_ALONE_MAX: usize = 32;

/// A pack of which less than one part in so many is dead is left alone by a collection: it would be
/// written as a whole for little.
pub const COLLECT_WASTE_SHARE: u64 = 32;

/// A pack up to this size is written anew whatever part of it is dead: that takes a moment.
pub const COLLECT_SMALL_PACK_BYTES: u64 = 16 << 20;

/// A collection copies at least so much before it removes something, where the largest pack is
/// smaller: few disks are that full, and versions of one file come together.
pub const COLLECT_GROUP_BYTES_MIN: u64 = 64 << 20;

/// A block of versions of one path may grow to this: twenty versions of a large source file. To read
/// one of them costs decompressing all.
pub const FAMILY_BLOCK_BYTES: usize = 4 << 20;

/// How hard zstd tries when a collection writes anew. For 20 versions of one tree (tokio 1.28 to
/// 1.47, 30 MB of different content), size and time by level: 3: 1.33 MB, 0.35 s; 6: 1.20 MB,
/// 0.45 s; 9: 1.17 MB, 0.60 s; 12: 1.16 MB, 1.0 s; 19: 1.09 MB, 8.1 s. git's after `gc --aggressive`
/// take 1.38 MB.
pub const REWRITE_LEVEL: i32 = 9;

/// The largest window that such a block is given, as a power of two: above any block.
pub const REWRITE_WINDOW_LOG_MAX: u32 = 27;

/// Bytes of packs that one automatic compaction writes anew: some tenths of a second of a commit.
/// What is larger is left to a collection that somebody asks for.
pub const COMPACT_BYTES_MAX: u64 = 64 << 20;

/// Packs that are left alone by a collection although each lives: a look-up asks each of them.
pub const COLLECT_PACKS_MAX: usize = 3 * PACKS_PER_CLASS_MAX;
