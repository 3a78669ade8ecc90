"""Where the directory comes from: `file` reads it, `watch` keeps the last good one."""
