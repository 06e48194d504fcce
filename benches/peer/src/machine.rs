//! What the kernel says of this process: memory, and bytes that it caused to be written.

fn line(file: &str, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Resident memory in KiB; 0 where it cannot be had.
pub fn resident_kib() -> u64 {
    line("/proc/self/status", "VmRSS:").unwrap_or(0)
}

/// Bytes that this process sent to the disk so far; 0 where that cannot be had.
pub fn written_bytes() -> u64 {
    line("/proc/self/io", "write_bytes:").unwrap_or(0)
}
